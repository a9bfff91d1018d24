"""The words of coaching, for people."""

from __future__ import annotations

from candor.coaching.gaps import Standing, Verdict
from candor.coaching.model import ClipKind, Source, State, Who
from candor.web.i18n import N_

STANDING = {
    Standing.CLEAR: N_("clear gap"), Standing.LIKELY: N_("likely gap"), Standing.NONE: N_("no gap shown"),
    Standing.NOT_ENOUGH: N_("not enough yet"),
}  # fmt: skip
STANDING_TONE = {
    Standing.CLEAR: "bad", Standing.LIKELY: "attention", Standing.NONE: "good", Standing.NOT_ENOUGH: "quiet",
}  # fmt: skip
VERDICT = {
    Verdict.BETTER: N_("better"), Verdict.WORSE: N_("worse"), Verdict.NOT_SHOWN: N_("no change shown"),
    Verdict.NOT_ENOUGH: N_("not enough yet"),
}  # fmt: skip
VERDICT_TONE = {
    Verdict.BETTER: "good", Verdict.WORSE: "bad", Verdict.NOT_SHOWN: "quiet", Verdict.NOT_ENOUGH: "quiet",
}  # fmt: skip
STATE = {
    State.DRAFT: N_("draft"), State.SHARED: N_("shared"), State.ACKNOWLEDGED: N_("acknowledged"),
    State.FOLLOWED_UP: N_("followed up"),
}  # fmt: skip
STATE_TONE = {
    State.DRAFT: "quiet", State.SHARED: "attention", State.ACKNOWLEDGED: "accent", State.FOLLOWED_UP: "good",
}  # fmt: skip
KIND = {ClipKind.EXEMPLARY: N_("exemplary"), ClipKind.CAUTIONARY: N_("cautionary")}
KIND_TONE = {ClipKind.EXEMPLARY: "good", ClipKind.CAUTIONARY: "attention"}
SOURCE = {Source.AUTOMATIC: N_("Automatic answers"), Source.HUMAN: N_("People's answers")}
WHO = {Who.AGENT: N_("Agent"), Who.COACH: N_("Coach")}

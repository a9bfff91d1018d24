"""Words of the pages of scorecards."""

from __future__ import annotations

from candor.conversation.evaluation import AnswerKind
from candor.scoring.model import CommentNeed, Critical, Question, Segments, Weights
from candor.scoring.rescoring.store import State
from candor.web.i18n import N_, _, gettext

KIND: dict[AnswerKind, str] = {
    AnswerKind.YES_NO: N_("Yes or no"),
    AnswerKind.CHOICE: N_("One of several"),
    AnswerKind.MULTI_CHOICE: N_("Any of several"),
    AnswerKind.RANGE: N_("A scale"),
    AnswerKind.NUMBER: N_("A number"),
    AnswerKind.TEXT: N_("Words"),
    AnswerKind.DATE: N_("A date"),
}
CRITICAL: dict[Critical, str] = {
    Critical.NONE: N_("not critical"),
    Critical.QUESTION: N_("reported, and no points for it"),
    Critical.SECTION: N_("the section scores 0"),
    Critical.ALL: N_("everything scores 0"),
}
COMMENT: dict[CommentNeed, str] = {
    CommentNeed.OPTIONAL: N_("if wanted"),
    CommentNeed.ON_LOSS: N_("when points are lost"),
    CommentNeed.ALWAYS: N_("always"),
}
WEIGHTS: dict[Weights, str] = {
    Weights.POINTS: N_("Points, in proportion"),
    Weights.PERCENT: N_("Percent, summing to 100"),
}
SEGMENTS: dict[Segments, str] = {Segments.WHOLE: N_("The whole"), Segments.EACH: N_("Each leg by itself")}
RULE: dict[str, str] = {
    "none": N_("A person alone"),
    "says": N_("Something is said"),
    "never_says": N_("Something is never said"),
    "meaning": N_("Something is meant"),
    "other": N_("Another rule (YAML)"),
}
BY: dict[str, str] = {
    "agent": N_("the agent"), "customer": N_("the customer"), "anyone": N_("anyone"), "system": N_("the system"),
    "supervisor": N_("the supervisor"),
}  # fmt: skip
STATE: dict[State, tuple[str, str]] = {
    State.RUNNING: (N_("running"), "accent"),
    State.DONE: (N_("done"), "good"),
    State.CANCELLED: (N_("cancelled"), "quiet"),
}
_CODE = {"yes": N_("yes"), "no": N_("no"), "n/a": N_("n/a"), "?": N_("cannot tell"), "=…": N_("other values")}
PASS = {"pass": N_("passed"), "fail": N_("failed"), "open": N_("open")}
SKIPPED = {
    "scoring.purpose": N_("kept as proof, not to be judged"),
    "scoring.not_ready": N_("not processed"),
}


def code(value: str, question: Question | None) -> str:
    """An answer in short as people read it."""
    if value in _CODE:
        return gettext(_CODE[value])
    told = value.removeprefix("=")
    labels = {option.id: option.label for option in question.options} if question is not None else {}
    return ", ".join(labels.get(part, part) for part in told.split("+")) or _("none of them")


def automatic(question: Question) -> str:
    """Who answers it."""
    return _("rules") if question.automatic else _("people")

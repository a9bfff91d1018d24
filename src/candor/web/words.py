"""The words that people read for the product's own values. Unknown values (from newer rooms) are shown as they are."""

from __future__ import annotations

from candor.analysis.definitions import METRICS
from candor.conversation.model import Gap
from candor.web.i18n import N_, gettext

_MONTHS = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"),
    N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec"),
)  # fmt: skip

DIRECTION = {
    "inbound": N_("Inbound"),
    "outbound": N_("Outbound"),
    "internal": N_("Internal"),
    "unknown": N_("Unknown"),
}
STATUS = {
    "queued": N_("Queued"),
    "processing": N_("Processing"),
    "ready": N_("Ready"),
    "needs_attention": N_("Needs attention"),
    "quarantined": N_("Quarantined"),
}
ROLE = {
    "agent": N_("Agent"),
    "customer": N_("Customer"),
    "supervisor": N_("Supervisor"),
    "thirdparty": N_("Third party"),
    "system": N_("System"),
    "unknown": N_("Speaker"),
}
GAP = {
    "paused": N_("Recording was paused from {start} to {stop}."),
    "on_hold": N_("On hold from {start} to {stop}: nothing was sent."),
    "discarded": N_("The sender left out {start} to {stop}."),
    "interrupted": N_("The recorder stopped at {start}."),
}
USER_ROLE = {
    "agent": N_("Agent"),
    "supervisor": N_("Supervisor"),
    "evaluator": N_("Evaluator"),
    "trainer": N_("Trainer"),
    "compliance": N_("Compliance officer"),
    "auditor": N_("Auditor"),
    "administrator": N_("Administrator"),
}
VERDICT = {
    "yes": N_("Yes"),
    "no": N_("No"),
    "n/a": N_("Not applicable"),
    "cannot_tell": N_("Cannot tell"),
}
STAGE = {
    "decode": N_("Read the sound"),
    "transcribe": N_("Transcribe"),
    "prove": N_("Prove consent"),
    "redact": N_("Redact"),
    "analyse": N_("Analyse"),
    "score": N_("Score"),
    "index": N_("Make searchable"),
}
STATE = {
    "waiting": N_("Waiting"),
    "running": N_("Running"),
    "done": N_("Done"),
    "retrying": N_("Will be tried again"),
    "parked": N_("Stopped, needs attention"),
}
STATE_TONE = {"waiting": "quiet", "running": "accent", "done": "good", "retrying": "attention", "parked": "bad"}
STATUS_TONE = {
    "queued": "quiet", "processing": "accent", "ready": "good", "needs_attention": "bad", "quarantined": "attention",
}  # fmt: skip
VERDICT_TONE = {"yes": "good", "no": "bad", "n/a": "quiet", "cannot_tell": "attention"}
COLUMN = {
    "started": N_("When"),
    "duration": N_("Length"),
    "direction": N_("Direction"),
    "agent": N_("Agent"),
    "customer": N_("Customer"),
    "team": N_("Team"),
    "queue": N_("Queue"),
    "language": N_("Language"),
    "sentiment": N_("Sentiment"),
    "score": N_("Score"),
    "categories": N_("Categories"),
    "pii": N_("Redacted"),
    "status": N_("Status"),
    "external_id": N_("Call id"),
}
PERIOD = {
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "7d": N_("Last 7 days"),
    "30d": N_("Last 30 days"),
    "90d": N_("Last 90 days"),
}
SPLIT = {
    "channel": N_("One party a channel"),
    "guessed": N_("Told apart by their sound: a guess"),
    "single": N_("One channel, speakers not told apart"),
    "given": N_("As given with the transcript"),
}
WORD_TIMES = {
    "aligned": N_("Aligned with the sound"),
    "engine": N_("From the recogniser"),
    "spread": N_("Spread evenly over each stretch: approximate"),
}
_UNIT = {
    "ratio": "%",
    "s": N_("s"),
    "count": "",
    "words/min": N_("words/min"),
    "words": N_("words"),
}
_METRIC = {
    "talk.seconds.agent": N_("Agent talks for"),
    "talk.seconds.customer": N_("Customer talks for"),
    "talk.share.agent": N_("Agent's share of talk"),
    "talk.share.customer": N_("Customer's share of talk"),
    "listen.share.agent": N_("Agent listens"),
    "listen.share.customer": N_("Customer listens"),
    "speech.rate.agent": N_("Agent's speech rate"),
    "speech.rate.customer": N_("Customer's speech rate"),
    "turn.count.agent": N_("Agent's turns"),
    "turn.count.customer": N_("Customer's turns"),
    "turn.mean.agent": N_("Agent's mean turn"),
    "turn.mean.customer": N_("Customer's mean turn"),
    "turn.longest.agent": N_("Agent's longest turn"),
    "turn.longest.customer": N_("Customer's longest turn"),
    "interruption.count.agent": N_("Agent interrupts"),
    "interruption.count.customer": N_("Customer interrupts"),
    "silence.seconds": N_("Silence"),
    "silence.share": N_("Share of silence"),
    "silence.longest": N_("Longest silence"),
    "dead_air.count": N_("Dead air"),
    "dead_air.longest": N_("Longest dead air"),
    "hold.count": N_("Holds"),
    "hold.seconds": N_("Time on hold"),
    "hold.longest": N_("Longest hold"),
    "overlap.seconds": N_("Talking at once"),
    "overlap.share": N_("Share of talking at once"),
    "monologue.longest.customer": N_("Customer's longest monologue"),
    "first_word.agent": N_("Agent's first word after"),
    "response.median.agent": N_("Agent's response, median"),
    "response.p90.agent": N_("Agent's response, 9 of 10 within"),
}


def month(number: int) -> str:
    """The short name of a month, 1 to 12."""
    return gettext(_MONTHS[number - 1])


def say(table: dict[str, str], value: str) -> str:
    """The words for ``value``, or the value itself with its underscores opened."""
    return gettext(table[value]) if value in table else str(value).replace("_", " ")


def title(value: str) -> str:
    """A machine word (``billing_problem``) for people: "Billing problem"."""
    text = str(value).replace("_", " ").replace(".", " ").strip()
    return text[:1].upper() + text[1:]


def metric(name: str) -> str:
    """The name of a metric for people."""
    return gettext(_METRIC[name]) if name in _METRIC else title(name)


def definition(name: str) -> str:
    """What a metric means, exactly."""
    return METRICS[name].definition if name in METRICS else ""


def quantity(value: float, unit: str) -> str:
    """A metric's value with its unit: ``42 %``, ``12.4 s``, ``3``."""
    if unit == "ratio":
        return f"{value * 100:.0f} %"
    if unit == "count":
        return f"{value:,.0f}".replace(",", "\u202f")
    digits = 0 if abs(value) >= 100 else 1
    return f"{value:,.{digits}f} {say(_UNIT, unit)}".replace(",", "\u202f").strip()


def sentiment_tone(value: float | None) -> str:
    """``good``, ``quiet`` or ``bad`` for a sentiment of -1 to 1; ±0.15 is neutral."""
    if value is None:
        return "quiet"
    return "good" if value >= 0.15 else "bad" if value <= -0.15 else "quiet"


def sentiment_word(value: float | None) -> str:
    """The same in a word, since colour alone says nothing to many."""
    if value is None:
        return gettext("not known")
    return {"good": gettext("positive"), "bad": gettext("negative"), "quiet": gettext("neutral")}[sentiment_tone(value)]


def from_the_words() -> str:
    """What stands beside every sentiment: nobody's emotions are inferred from the voice (EU AI Act, art. 5(1)(f))."""
    return gettext("from the words")


def finding(kind: str, category: str | None) -> str:
    """What sort of finding it is; of one about sentiment also what it was read from."""
    said = title(category or kind)
    return f"{said} ({from_the_words()})" if kind.startswith("sentiment") else said


def score_band(value: float | None) -> str:
    """``good`` from 80, ``attention`` from 60, ``bad`` below; of 100."""
    if value is None:
        return "quiet"
    return "good" if value >= 80 else "attention" if value >= 60 else "bad"


def gap(found: Gap) -> str:
    """Why a stretch of the call holds no sound, as a sentence."""
    start, stop = (f"{int(seconds) // 60}:{int(seconds) % 60:02}" for seconds in (found.start, found.stop))
    return gettext(GAP.get(found.reason, found.reason)).format(start=start, stop=stop)

"""A conversation made ready to be shown: transcript lines as HTML, the player's data, notes in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from candor.conversation.finding import CoursePoint, Finding
from candor.conversation.model import Party, Role, told_once
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance
from candor.replay.document import shown_as
from candor.replay.model import ConversationView
from candor.web import words
from candor.web.i18n import _

UNSURE = 0.5
"""Words below this confidence are set lighter."""
_PLACEHOLDER = re.compile(r"\[([A-Z]+)(?:_(\d+))?\]")
_LONG_DIGITS = re.compile(r"\d{3,}(?=\d{4}(?!\d))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened on the line besides speech."""

    at: float
    """Seconds from the beginning."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One who was on the line."""

    role: str
    name: str
    """Of staff the name, of everyone else the masked number; empty when neither is known."""
    joined: float | None
    left: float | None

    @property
    def label(self) -> str:
        """Role and name."""
        return f"{self.role} {self.name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One utterance."""

    index: int
    start: float
    end: float
    lane: str
    """``customer``, ``agent`` or ``other``: which column it stands in."""
    speaker: str
    html: Markup
    sentiment: float | None
    findings: tuple[Finding, ...]
    before: tuple[Moment, ...] = ()
    """What happened since the line before it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One waveform."""

    channel: int
    kind: str
    """``customer``, ``agent`` or ``other``: which colour."""
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the conversation page shows beside the score."""

    lines: tuple[Line, ...]
    after: tuple[Moment, ...]
    """What happened after the last line began."""
    people: tuple[Person, ...]
    findings: tuple[Finding, ...]
    lanes: tuple[Lane, ...]
    notes: tuple[str, ...]
    player: dict[str, Any] | None
    """Given to the player as JSON; None while there is no sound to play."""
    filename: str


def read(view: ConversationView) -> Reading:
    """Make ``view`` ready."""
    transcript = view.redaction.transcript if view.redaction else None
    findings = _findings(view)
    lanes = _lanes(view, transcript)
    recording = view.conversation.recording
    people = tuple(_person(party) for party in view.conversation.parties)
    moments = _moments(view, people)
    lines = _lines(view, transcript, findings, moments) if transcript else ()
    return Reading(
        lines=lines,
        after=tuple(each for each in moments if not lines or each.at >= lines[-1].start),
        people=people,
        findings=findings,
        lanes=lanes,
        notes=_notes(view, transcript),
        player=_player(view, lanes, findings) if view.sound and view.redaction and not _set_aside(view) else None,
        filename=mask_digits(recording.filename) if recording else "",
    )


def _findings(view: ConversationView) -> tuple[Finding, ...]:
    """In order of time; keywords have a place of their own on the page and would bury the rest."""
    noticed = view.analysis.findings if view.analysis else ()
    return tuple(sorted((each for each in noticed if each.kind != "keyword"), key=lambda each: each.start))


def _person(party: Party) -> Person:
    role = words.say(words.ROLE, party.role.value)
    return Person(role=role, name=shown_as(party) or "", joined=party.joined, left=party.left)


def _moments(view: ConversationView, people: tuple[Person, ...]) -> tuple[Moment, ...]:
    """Who came and went, and why the sound is silent, in order of time."""
    moments = [Moment(at=gap.start, text=words.gap(gap)) for gap in told_once(view.conversation.gaps)]
    for person in people:
        if person.joined is not None:
            moments.append(Moment(at=person.joined, text=_("{who} joined.").format(who=person.label)))
        if person.left is not None:
            moments.append(Moment(at=person.left, text=_("{who} left.").format(who=person.label)))
    return tuple(sorted(moments, key=lambda each: each.at))


def mask_digits(text: str) -> str:
    """Long numbers down to their last four digits: file names often carry a caller's number."""
    return _LONG_DIGITS.sub("…", text)


def lane_of(role: Role) -> str:
    """The column and colour of a role."""
    return role.value if role in (Role.CUSTOMER, Role.AGENT) else "other"


def utterance_html(utterance: Utterance) -> Markup:
    """The words with their times; placeholders as chips, unsure words marked."""
    if not utterance.words:
        return Markup(" ").join(_token(text) for text in utterance.text.split(" "))
    parts = []
    for word in utterance.words:
        unsure = ' class="unsure"' if word.confidence < UNSURE else ""
        parts.append(f'<span data-t="{word.start:.2f}"{unsure}>{_token(word.text)}</span>')
    return Markup(" ".join(parts))  # noqa: S704  each word was escaped by _token


def _token(text: str) -> Markup:
    found = _PLACEHOLDER.search(text) if "[" in text else None
    if not found:
        return escape(text)
    return Markup('{}<span class="pii" title="{}">{}</span>{}').format(
        text[: found.start()], _("Personal data, masked"), found[0], text[found.end() :]
    )


def _lines(
    view: ConversationView, transcript: Transcript, findings: tuple[Finding, ...], moments: tuple[Moment, ...]
) -> tuple[Line, ...]:
    sentiments = {each.utterance: each.value for each in view.analysis.sentiments} if view.analysis else {}
    marks: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.utterances:
            marks.setdefault(finding.utterances[0], []).append(finding)
    names = [_speaker_name(transcript, place) for place in range(len(transcript.speakers))]
    since = (float("-inf"), *(utterance.start for utterance in transcript.utterances))
    return tuple(
        Line(
            index=utterance.index,
            start=utterance.start,
            end=utterance.end,
            lane=lane_of(transcript.role_of(utterance)),
            speaker=names[utterance.speaker],
            html=utterance_html(utterance),
            sentiment=sentiments.get(utterance.index),
            findings=tuple(marks.get(utterance.index, ())),
            before=tuple(each for each in moments if begin <= each.at < utterance.start),
        )
        for begin, utterance in zip(since, transcript.utterances, strict=False)
    )


def _speaker_name(transcript: Transcript, place: int) -> str:
    speaker: Speaker = transcript.speakers[place]
    name = words.say(words.ROLE, speaker.role.value)
    alike = [each.role for each in transcript.speakers].count(speaker.role)
    return f"{name} {place + 1}" if alike > 1 else name


def _lanes(view: ConversationView, transcript: Transcript | None) -> tuple[Lane, ...]:
    """Customer above, agent below, others after; one lane a channel."""
    channels = view.sound.channels if view.sound else 0
    if channels == 1:
        return (Lane(channel=0, kind="other", label=_("Both parties")),)
    roles: dict[int, Role] = {
        party.channel: party.role for party in view.conversation.parties if party.channel is not None
    }
    for speaker in transcript.speakers if transcript else ():
        if speaker.channel is not None and speaker.role is not Role.UNKNOWN:
            roles[speaker.channel] = speaker.role
    lanes = [
        Lane(
            channel=channel,
            kind=lane_of(roles.get(channel, Role.UNKNOWN)),
            label=words.say(words.ROLE, roles[channel].value)
            if roles.get(channel, Role.UNKNOWN) is not Role.UNKNOWN
            else _("Channel {number}").format(number=channel + 1),
        )
        for channel in range(channels)
    ]
    order = {"customer": 0, "agent": 1, "other": 2}
    return tuple(sorted(lanes, key=lambda lane: (order[lane.kind], lane.channel)))


def _player(view: ConversationView, lanes: tuple[Lane, ...], findings: tuple[Finding, ...]) -> dict[str, Any]:
    sound, analysis, redaction = view.sound, view.analysis, view.redaction
    return {
        "duration": round(sound.duration, 3) if sound else 0,
        "channels": sound.channels if sound else 0,
        "lanes": [{"channel": lane.channel, "kind": lane.kind} for lane in lanes],
        "masked": [[round(start, 2), round(end, 2)] for start, end in redaction.masked_times] if redaction else [],
        "gaps": [[round(gap.start, 2), round(gap.stop, 2)] for gap in view.conversation.gaps],
        "findings": [{"id": each.id, "start": each.start, "end": each.end, "label": each.label} for each in findings],
        "course": [_course_point(point) for point in analysis.course] if analysis else [],
    }


def _course_point(point: CoursePoint) -> list[float | None]:
    values = (point.start, point.end, point.customer, point.agent)
    return [None if value is None else round(value, 2) for value in values]


def _set_aside(view: ConversationView) -> bool:
    """Whether nobody hears the masked sound, because something was left in it."""
    return view.residue is not None and view.residue.left > 0


def _notes(view: ConversationView, transcript: Transcript | None) -> tuple[str, ...]:
    notes: list[str] = [*view.conversation.notes, *(view.sound.notes if view.sound else ())]
    notes += [words.gap(gap) for gap in told_once(view.conversation.gaps)]
    if _set_aside(view):
        notes.append(
            _("The masked sound is set aside: when it was recognised again, personal data was still made out.")
        )
    if view.cuts:
        notes.append(
            _("A card verification code was said: it was cut out of the original recording and of everything else.")
        )
    if transcript:
        notes += transcript.notes
        if transcript.split is SpeakerSplit.GUESSED:
            notes.append(_("The speakers share one channel and were told apart by their sound: a guess."))
        if transcript.split is SpeakerSplit.SINGLE:
            notes.append(_("All parties share one channel and could not be told apart."))
        if any(speaker.role_guessed for speaker in transcript.speakers):
            notes.append(_("Who is agent and who is customer was guessed from what was said."))
        if transcript.word_times == "spread":
            notes.append(_("Word times are approximate: they are spread evenly over each stretch of speech."))
    return tuple(dict.fromkeys(notes))

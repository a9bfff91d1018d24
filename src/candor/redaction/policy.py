"""Which kinds of personal data which role may see unmasked, once a reason was given; a setting of the house.

Opening unmasked needs a right, a reason and leave (access); this says how far the leave reaches. What a role may not
see stays a placeholder in the text, and masked in the sound. Card verification codes nobody may see: they are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from candor.conversation.transcript import PiiKind, PiiSpan, Transcript, Utterance, Word
from candor.errors import InvalidInput

EVERYTHING = "*"
"""As a kind in the setting: all but what is never shown. As a role: those that are not named."""
NEVER = frozenset({PiiKind.CVV})
"""PCI DSS v4.0.1, 3.3.1: not kept, so not shown."""
GUARDED = frozenset({PiiKind.CVV, PiiKind.CARD, PiiKind.PASSWORD})
"""What opens accounts: shown only to roles for which the house says so (PCI DSS v4.0.1, 3.4.1: need to know)."""
_KINDS = frozenset(PiiKind)


@dataclass(frozen=True, slots=True)
class RevealPolicy:
    """By role, the kinds that it may see."""

    by_role: Mapping[str, frozenset[PiiKind]]
    others: frozenset[PiiKind] = _KINDS - GUARDED
    """Of roles that are not named."""

    def shown_to(self, role: str | None) -> frozenset[PiiKind]:
        """The kinds that ``role`` may see unmasked; None: a command on the machine itself, which holds the keys."""
        if role is None:
            return _KINDS - NEVER
        return self.by_role.get(role, self.others) - NEVER

    def hidden_from(self, role: str | None) -> frozenset[PiiKind]:
        """The kinds that stay masked for ``role``."""
        return _KINDS - self.shown_to(role)


def read_policy(given: Mapping[str, Sequence[str]], roles: Iterable[str]) -> RevealPolicy:
    """The policy that a setting says: role (or ``*`` for the others) to kinds (or ``*``).

    Raises InvalidInput that names an unknown role or kind.
    """
    known = {*roles, EVERYTHING}
    by_role: dict[str, frozenset[PiiKind]] = {}
    for role, kinds in given.items():
        if role not in known:
            raise InvalidInput(f'There is no role "{role}".', code="reveal.role", advice=f"Roles: {_listed(known)}.")
        by_role[role] = frozenset(_kind for name in kinds for _kind in _named(name))
    others = by_role.pop(EVERYTHING, RevealPolicy({}).others)
    return RevealPolicy(by_role, others)


def _named(name: str) -> frozenset[PiiKind]:
    if name == EVERYTHING:
        return _KINDS - NEVER
    try:
        kind = PiiKind(name)
    except ValueError:
        raise InvalidInput(
            f'There is no kind of personal data "{name}".', code="reveal.kind", advice=f"Kinds: {_listed(_KINDS)}."
        ) from None
    return frozenset({kind})


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(str(name) for name in names))


def part_masked(transcript: Transcript, spans: Sequence[PiiSpan], hidden: frozenset[PiiKind]) -> Transcript:
    """The unredacted ``transcript`` with what is ``hidden`` still masked; ``spans`` are those found in it.

    Every hidden word becomes its placeholder, so that places of other words, and spans, stay where they are.
    """
    places = {
        (span.utterance, place): span.placeholder
        for span in spans
        if span.kind in hidden
        for place in range(span.first_word, span.last_word + 1)
    }
    if not places:
        return transcript
    return replace(transcript, utterances=tuple(_masked(said, places) for said in transcript.utterances))


def _masked(said: Utterance, places: Mapping[tuple[int, int], str]) -> Utterance:
    tokens = [
        places.get((said.index, place), text)
        for place, text in enumerate([word.text for word in said.words] or said.text.split(" "))
    ]
    words: tuple[Word, ...] = tuple(
        replace(word, text=places.get((said.index, place), word.text)) for place, word in enumerate(said.words)
    )
    return replace(said, text=" ".join(tokens), words=words)


def hidden_times(spans: Sequence[PiiSpan], hidden: frozenset[PiiKind]) -> tuple[tuple[float, float], ...]:
    """The stretches of sound, seconds, that stay masked."""
    return tuple((span.start, span.end) for span in spans if span.kind in hidden and span.end > span.start)

"""In which language something was written, where nobody said."""

from __future__ import annotations

import pytest

from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance
from candor.transcript.languages import guess_language


def written(*texts: str) -> Transcript:
    return Transcript(
        engine="chat",
        model="text",
        version="1",
        language="und",
        duration=1.0,
        speakers=(Speaker(role=Role.CUSTOMER),),
        split=SpeakerSplit.GIVEN,
        utterances=tuple(Utterance(index=i, speaker=0, start=i, end=i, text=text) for i, text in enumerate(texts)),
    )


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Hello, I would like to know when my order will arrive, please."),
        ("de", "Guten Tag, ich möchte wissen, wann meine Bestellung endlich ankommt."),
        ("fr", "Bonjour, je voudrais savoir quand ma commande va arriver, merci."),
        ("es", "Hola, quisiera saber cuándo va a llegar mi pedido, por favor."),
    ],
)
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    assert guess_language(written("Ok.", text)) == language


@pytest.mark.parametrize("texts", [(), ("ok",), ("12345 67890 12345 67890",), ("no", "yes", "ok thanks")])
def test_too_little_tells_nothing(texts: tuple[str, ...]) -> None:
    assert guess_language(written(*texts)) is None

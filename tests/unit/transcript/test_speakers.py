"""Windows, groups and the voice of each word."""

from __future__ import annotations

import numpy as np
import pytest

from candor.conversation.transcript import Word
from candor.transcript.adapters import embedded
from candor.transcript.adapters.fbank import BANDS, fbank
from candor.transcript.adapters.speakers import turns, two_groups, windows
from candor.transcript.ports import RATE, Stretch
from candor.transcript.turns import assign


def voices(count: int, *, apart: float) -> np.ndarray:
    """Unit vectors of two voices taking turns by threes, with noise."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(2, 256))
    centres[1] = (1 - apart) * centres[0] + apart * centres[1]
    vectors = np.stack([centres[place // 3 % 2] for place in range(count)]) + rng.normal(0, 0.3, (count, 256))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("count", [8, 90, 3000])
def test_two_voices_are_found(count: int) -> None:
    labels = two_groups(voices(count, apart=0.8))
    assert labels is not None
    expected = np.arange(count) // 3 % 2
    assert min(np.mean(labels != expected), np.mean(labels == expected)) < 0.01


def test_one_voice_is_not_torn_apart() -> None:
    assert two_groups(voices(90, apart=0.0)) is None


def test_windows_cover_speech_and_skip_pauses() -> None:
    speech = [Stretch(start=0.0, end=2.9), Stretch(start=3.0, end=4.5), Stretch(start=6.0, end=6.2)]
    found = windows(speech)
    assert [(round(piece.start, 2), round(piece.end, 2)) for piece in found] == [(0, 1.5), (1.5, 3), (3, 4.5)]


def test_turns_are_numbered_by_who_speaks_first() -> None:
    pieces = windows([Stretch(start=0.0, end=6.0)])
    assert turns(pieces, [1, 1, 0, 1]) == [
        (Stretch(start=0.0, end=3.0), 0),
        (Stretch(start=3.0, end=4.5), 1),
        (Stretch(start=4.5, end=6.0), 0),
    ]


def test_a_change_of_voice_moves_to_the_sentence_end() -> None:
    texts = ["would", "you", "help", "me", "with", "that?", "Certainly", "I", "would"]
    words = [
        Word(text=text, start=place * 0.3, end=place * 0.3 + 0.28, confidence=1.0) for place, text in enumerate(texts)
    ]
    heard = [(Stretch(start=0.0, end=1.4), 0), (Stretch(start=1.4, end=3.0), 1)]
    assert [voice for voice, _ in assign(words, heard)] == [0] * 6 + [1] * 3


def test_every_word_has_a_voice_even_outside_the_stretches() -> None:
    words = [Word(text="a", start=9.0, end=9.1, confidence=1.0), Word(text="b", start=30.0, end=30.1, confidence=1.0)]
    heard = [(Stretch(start=0.0, end=5.0), 0), (Stretch(start=20.0, end=25.0), 1)]
    assert [voice for voice, _ in assign(words, heard)] == [0, 1]


def test_features_show_the_band_of_a_tone() -> None:
    time = np.arange(RATE) / RATE
    quiet = np.random.default_rng(0).normal(0, 1e-3, RATE)
    low, high = (
        fbank((0.5 * np.sin(2 * np.pi * hertz * time) * (time > 0.5) + quiet).astype(np.float32))
        for hertz in (300, 3000)
    )
    assert low.shape == (98, BANDS)
    assert np.allclose(low.mean(axis=0), 0, atol=1e-3)
    assert low[-10].argmax() < 20 < high[-10].argmax()


def test_embedded_models_are_checked_by_size() -> None:
    assert embedded.read(embedded.EmbeddedModel(symbol=embedded.SILERO.symbol, size=17)) is None
    assert embedded.read(embedded.EmbeddedModel(symbol=b"no_such_symbol", size=17)) is None
    data = embedded.read(embedded.SILERO)
    assert data is not None
    assert len(data) == embedded.SILERO.size

"""Settings of engines, and what people are told when a model is not there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from candor.errors import InvalidInput, Unavailable
from candor.kit.sound import MemorySound
from candor.transcript.adapters import ENGINES, build
from candor.transcript.adapters.models import missing_model, require, words_from_pieces
from candor.transcript.adapters.moonshine import join, pieces

SECOND = [np.zeros(16000, np.float32)]


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


def test_unknown_engine_and_beam() -> None:
    with pytest.raises(InvalidInput, match="no speech engine") as caught:
        build("hal")
    assert all(engine in caught.value.advice for engine in ENGINES)
    with pytest.raises(InvalidInput):
        build(beam=0)


@pytest.mark.parametrize("engine", ENGINES)
def test_building_costs_nothing_and_says_what_it_is(engine: str) -> None:
    can = build(engine, model_folder=Path("/nowhere/model")).recogniser.capabilities
    assert can.engine == engine


@pytest.mark.parametrize("engine", ["moonshine", "sherpa-onnx"])
def test_a_language_that_the_engine_lacks_is_refused_before_any_work(engine: str) -> None:
    sound = MemorySound(np.zeros((8000, 1), np.float32), 8000)
    with pytest.raises(InvalidInput, match="does not know the language de-DE") as caught:
        build(engine).transcribe(sound, language="de-DE")
    assert caught.value.code == "transcript.language"


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(InvalidInput, match="not installed") as caught:
        require("candor_no_such_engine", engine="x", extra="whisper")
    assert "candor[whisper]" in caught.value.advice


@pytest.mark.parametrize(
    ("engine", "module"),
    [("faster-whisper", "faster_whisper"), ("onnx-asr", "onnx_asr"), ("sherpa-onnx", "sherpa_onnx")],
)
def test_a_folder_that_does_not_exist(engine: str, module: str, tmp_path: Path) -> None:
    pytest.importorskip(module)
    with pytest.raises(InvalidInput, match="does not exist"):
        build(engine, model_folder=tmp_path / "away").recogniser.recognise(SECOND, language="en")


@pytest.mark.parametrize(
    ("engine", "module"),
    [("faster-whisper", "faster_whisper"), ("onnx-asr", "onnx_asr"), ("sherpa-onnx", "sherpa_onnx")],
)
def test_a_folder_that_holds_no_model(engine: str, module: str, tmp_path: Path) -> None:
    pytest.importorskip(module)
    (tmp_path / "tokens.txt").write_text("a 0\n")
    with pytest.raises(InvalidInput, match=r"cannot load|holds no"):
        build(engine, model_folder=tmp_path).recogniser.recognise(SECOND, language="en")


@needs("faster_whisper")
def test_whisper_not_fetched_and_offline(tmp_path: Path) -> None:
    engine = build("faster-whisper", model="tiny", cache_folder=tmp_path, offline=True).recogniser
    with pytest.raises(InvalidInput, match="fetching models is switched off"):
        engine.recognise(SECOND, language="en")


@needs("faster_whisper")
def test_whisper_unknown_name(tmp_path: Path) -> None:
    engine = build("faster-whisper", model="gigantic", cache_folder=tmp_path, offline=True).recogniser
    with pytest.raises(InvalidInput, match="no Whisper model"):
        engine.recognise(SECOND, language="en")


@needs("onnx_asr")
def test_onnx_asr_not_fetched_and_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    engine = build("onnx-asr", offline=True).recogniser
    with pytest.raises(InvalidInput, match="fetching models is switched off"):
        engine.recognise(SECOND, language="en")


def test_a_model_out_of_reach_may_be_tried_again() -> None:
    assert isinstance(missing_model("e", "m", offline=False), Unavailable)


def test_pieces_of_a_tokenizer_file() -> None:
    long = b"x" * 130
    data = b"\x02ab" + bytes([130, 1]) + long + b"\x00"
    assert pieces(data) == [b"ab", long, b""]


def test_words_from_pieces_of_bytes() -> None:
    known = [b"", b"<s>", b"</s>", "▁caf".encode(), b"\xc3", b"\xa9", "▁now".encode(), b"."]
    words = join([3, 4, 5, 6, 7], [0.0, 0.0, 0.0, -1.0, -1.0], known)
    assert [word.text for word in words] == ["café", "now."]
    assert words[0].confidence == 1.0
    assert 0.36 < words[1].confidence < 0.37


def test_words_of_other_engines_keep_their_times() -> None:
    words = words_from_pieces([" hel", "lo", " you"], [0.1, 0.3, 1.9], [0.0, 0.0, -0.5], 3.0)
    assert [(word.text, word.start, word.end) for word in words] == [("hello", 0.1, 0.8), ("you", 1.9, 2.4)]


@needs("onnx_asr")
def test_onnx_asr_unknown_name() -> None:
    with pytest.raises(InvalidInput, match="knows no model"):
        build("onnx-asr", model="gigantic").recogniser.recognise(SECOND, language="en")

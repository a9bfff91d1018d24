"""The two synthesisers behind one verb: ``speak(voice, sentence, rate, warp)`` gives sound and the time of each word.

flite is called through its C library, since its command line does not tell when a word is spoken; festival through a
Scheme script. Both come from Debian (packages ``flite``, ``festival``, ``festvox-us-slt-hts``).
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 16_000
Samples = NDArray[np.float32]


class SynthesiserMissing(Exception):
    """Tells which program to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A sentence as sound at 16 kHz, mono, without silence around it; (start, end) of each word in seconds."""

    samples: Samples
    words: tuple[tuple[float, float], ...]


def speak(voice: str, sentence: str, rate: float, warp: float) -> Spoken:
    """Speak ``sentence`` by ``engine/voice``; ``rate`` is speed, ``warp`` multiplies pitch and formants."""
    engine, name = voice.split("/")
    say = {"flite": _flite, "festival": _festival}[engine]
    # Played back ``warp`` times faster afterwards, so it is made that much slower first.
    raw, source_rate, words = say(name, sentence, rate / warp)
    if len(words) != len(sentence.split()):
        raise ValueError(f"{voice} made {len(words)} words of: {sentence}")
    samples = soxr.resample(raw, source_rate * warp, RATE).astype(np.float32)
    times = [(start / warp, end / warp) for start, end in words]
    first = max(0.0, times[0][0] - 0.02)
    last = min(len(samples) / RATE, times[-1][1] + 0.06)
    cut = samples[int(first * RATE) : int(last * RATE)].copy()
    ramp = np.linspace(0, 1, int(0.008 * RATE), dtype=np.float32)
    cut[: len(ramp)] *= ramp
    cut[-len(ramp) :] *= ramp[::-1]
    return Spoken(samples=cut, words=tuple((start - first, end - first) for start, end in times))


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("rate", ctypes.c_int),
        ("count", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class _Relation(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("name", "features", "utterance", "head", "tail")]


@cache
def _flite_library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for part in ("usenglish", "cmulex"):
            ctypes.CDLL(f"libflite_{part}.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise SynthesiserMissing("flite is not installed: apt-get install flite") from error
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "flite_synth_text": (pointer, [text, pointer]),
        "utt_wave": (ctypes.POINTER(_Wave), [pointer]),
        "utt_relation": (pointer, [pointer, text]),
        "item_next": (pointer, [pointer]),
        "ffeature_float": (ctypes.c_float, [pointer, text]),
        "feat_set_float": (None, [pointer, text, ctypes.c_float]),
        "delete_utterance": (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.flite_init()
    return library


@cache
def _flite_voice(name: str) -> int:
    _flite_library()
    library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
    register = getattr(library, f"register_cmu_us_{name}")
    register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    voice: int = register(b"")
    return voice


def _flite(name: str, sentence: str, rate: float) -> tuple[Samples, int, list[tuple[float, float]]]:
    library, voice = _flite_library(), _flite_voice(name)
    features = ctypes.cast(voice, ctypes.POINTER(_Voice)).contents.features
    library.feat_set_float(features, b"duration_stretch", 1 / rate)
    # Its breath noise comes from the C library's rand(): started anew, a sentence always sounds the same.
    ctypes.CDLL(None).srand(1)
    utterance = library.flite_synth_text(sentence.encode("ascii"), voice)
    wave = library.utt_wave(utterance).contents
    samples: Samples = np.ctypeslib.as_array(wave.samples, (wave.count,)).astype(np.float32) / np.float32(32_768)
    words = []
    first = b"daughter.R:SylStructure.daughter.daughter.R:Segment.p.end"
    last = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"
    token = ctypes.cast(library.utt_relation(utterance, b"Token"), ctypes.POINTER(_Relation)).contents.head
    while token:
        words.append((library.ffeature_float(token, first), library.ffeature_float(token, last)))
        token = library.item_next(token)
    source_rate = wave.rate
    library.delete_utterance(utterance)
    return samples, int(source_rate), words


_SCHEME = """
(voice_cmu_us_slt_arctic_hts)
(set! hts_engine_params (append hts_engine_params (list (list "-r" {rate}))))
(set! u (eval (list 'Utterance 'Text "{text}")))
(utt.synth u)
(utt.save.wave u "{out}" 'riff)
(mapcar (lambda (token)
  (if (item.daughter1 token)
    (mapcar (lambda (word) (if (item.relation.daughter1 word 'SylStructure)
        (format t "%f %f " (item.feat word "word_start") (item.feat word "word_end"))))
      (item.daughters token)))
  (if (item.daughter1 token) (format t "\\n")))
  (utt.relation.items u 'Token))
"""


def _festival(name: str, sentence: str, rate: float) -> tuple[Samples, int, list[tuple[float, float]]]:
    if name != "slt":
        raise ValueError(f"festival has no voice {name} here")
    if shutil.which("festival") is None:
        raise SynthesiserMissing("festival is not installed: apt-get install festival festvox-us-slt-hts")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        script = Path(folder) / "say.scm"
        script.write_text(_SCHEME.format(rate=round(rate, 4), text=sentence, out=out), encoding="ascii")
        done = subprocess.run(  # noqa: S603  our own script, our own text
            ["festival", "-b", str(script)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not out.exists():
            raise SynthesiserMissing(f"festival failed (is festvox-us-slt-hts installed?): {done.stderr.strip()}")
        read, source_rate = soundfile.read(out, dtype="float32")
    samples: Samples = np.asarray(read, dtype=np.float32)
    words = []
    for line in done.stdout.splitlines():
        figures = [float(figure) for figure in line.split()]
        if figures:
            words.append((figures[0], max(figures)))
    return samples, int(source_rate), words

# ruff: noqa: E402  (the number of threads is set before NumPy is read)
"""What the analysis costs: ``python -m bench.analysis``. CPU-seconds a minute of call, on one core.

The calls are the written demo dialogues at 165 words a minute; reference: plain VADER over the same utterances in the
same run (for the sentences embedded: matrix products of the model's size, the floor on this machine).
"""

from __future__ import annotations

import os

# One core, or CPU-seconds are no seconds; must be set before NumPy is read.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from bench.report import emit
from candor.analysis.adapters import minilm
from candor.analysis.service import Analyser
from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance, Word

DIALOGUES = Path(__file__).resolve().parent.parent / "demo" / "dialogues"
SECONDS_A_WORD = 60 / 165


def transcript(path: Path) -> Transcript:
    """One dialogue as if recognised, with a word every 0.36 s and marked data masked."""
    at = 0.5
    utterances: list[Utterance] = []
    for turn in yaml.safe_load(path.read_text("utf-8"))["turns"]:
        at += float(turn.get("hold", 0)) + float(turn.get("pause", 0.45))
        who = next((role for role in ("agent", "customer") if role in turn), None)
        if who is None:
            continue
        pieces = re.sub(r"\[([A-Z]+) [^\]]+\]", r"[\1_1]", turn[who]).split()
        words = tuple(
            Word(
                text=piece,
                start=at + i * SECONDS_A_WORD,
                end=at + (i + 1) * SECONDS_A_WORD,
                confidence=0.9,
            )
            for i, piece in enumerate(pieces)
        )
        utterances.append(
            Utterance(
                index=len(utterances),
                speaker=int(who == "customer"),
                start=at,
                end=words[-1].end,
                text=" ".join(pieces),
                words=words,
            )
        )
        at = words[-1].end
    return Transcript(
        engine="bench",
        model="bench",
        version="1",
        language="en",
        duration=at + 0.5,
        speakers=(Speaker(role=Role.AGENT, channel=1), Speaker(role=Role.CUSTOMER, channel=0)),
        split=SpeakerSplit.CHANNEL,
        utterances=tuple(utterances),
    )


def cpu(work: Callable[[], object], repeats: int) -> float:
    """The least CPU-seconds of some runs."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    """Print one line without and, where the model is installed, two lines with embeddings."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("small", "full"), default="small")
    size = parser.parse_args().size
    calls = [transcript(path) for path in sorted(DIALOGUES.glob("*.yaml"))][: 6 if size == "small" else None]
    minutes = sum(call.duration for call in calls) / 60
    texts = [utterance.text for call in calls for utterance in call.utterances]
    repeats = 3 if size == "small" else 7

    vader = SentimentIntensityAnalyzer()
    plain = cpu(lambda: [vader.polarity_scores(text) for text in texts], repeats) / minutes
    analyser = Analyser()
    analyser.analyse(calls[0])
    bare = cpu(lambda: [analyser.analyse(call) for call in calls], repeats) / minutes
    emit(
        name="analysis.cpu_per_call_minute",
        value=bare * 1000,
        unit="CPU-ms/min",
        n=len(calls),
        reference="plain VADER, same text",
        reference_value=plain * 1000,
        size=size,
        five_minute_call_ms=round(bare * 5000, 1),
    )
    embedder = minilm.load()
    if embedder is None:
        return
    meaning = Analyser(embedder)
    meaning.analyse(calls[0])
    full = cpu(lambda: [meaning.analyse(call) for call in calls], repeats) / minutes
    emit(
        name="analysis.cpu_per_call_minute.embeddings",
        value=full * 1000,
        unit="CPU-ms/min",
        n=len(calls),
        reference="plain VADER, same text",
        reference_value=plain * 1000,
        size=size,
        times_real_time=round(60 / full),
    )
    embed = embedder
    seconds = cpu(lambda: embed(texts), repeats)
    left, right = (np.ones(shape, dtype=np.float32) for shape in ((256, 384), (384, 1536)))
    flops = 256 * 384 * 1536 * 2 / (cpu(lambda: [left @ right for _ in range(50)], 3) / 50)
    # 12 × 384² multiply-adds a layer and word piece, six layers.
    floor = flops / (2 * 12 * 384**2 * 6 * embed.pieces(texts) / len(set(texts)))
    emit(
        name="analysis.embedded_sentences_per_second",
        value=len(set(texts)) / seconds,
        unit="1/CPU-s",
        n=len(set(texts)),
        reference="matrix products of the model alone",
        reference_value=floor,
        size=size,
    )


if __name__ == "__main__":
    main()

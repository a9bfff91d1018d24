# ruff: noqa: SIM905  (word lists read better as lines of words)
"""How fast personal data is found, and how much of it: ``python -m bench.redaction [--size small|full]``.

Speed is words a second on one core over call-like text. Recall and precision are counted on labelled public sets in
``../shared/data`` where they are present. The reference is a pass of bare regular expressions over the same text.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.report import emit
from candor.conversation.model import Role
from candor.conversation.transcript import Redaction, Speaker, SpeakerSplit, Transcript, Utterance
from candor.kit.sound import FlacReader, FlacWriter
from candor.redaction.service import Redactor, mask_sound

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BARE = re.compile(
    r"[^\s@]+@[^\s@]+\.[a-z]{2,}|\b\d{3}-\d{2}-\d{4}\b"
    r"|\b(?:\d[ -]?){12,18}\d\b|\+?\d[\d() -]{7,}\d|\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b"
    r"|\b[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}\b|\b\d{1,2}/\d{1,2}/\d{4}\b|\bmy name is \w+(?: \w+)?",
    re.IGNORECASE,
)
TELLS = re.compile(
    r"\d|\b[Nn]ames?\b|\b(?:[Mm]r|[Mm]rs|[Mm]s|[Dd]r)\b|\b(?:I am|I'm|[Tt]his is|[Ii]ts|[Ii]t's|[Cc]all me)\W+[A-Z]"
)
"""Texts with a digit, or with what a name follows."""
REFERENCE = "bare regular expressions"
ASKS = {
    "postcode": "what is your postcode please?",
    "name": "what is your full name please?",
    "dob": "what is your date of birth please?",
}
EMPTY_WORDS = frozenset(
    """the a an of and is it it's its that's my i i'm in on at to yes no so um uh okay ok hi hello please sorry
    as for like name date birth post code postcode first last surname was you that thank thanks capital
    letter then number space day""".split()
)
MULTIDOGO = frozenset(
    """name ssn card_number account_number email_address phone_number phonenumber address password
    booking_confirmation_number policyid claimid current_zipcode username""".split()
)
PRESIDIO = frozenset(
    """PERSON STREET_ADDRESS CREDIT_CARD PHONE_NUMBER EMAIL_ADDRESS ZIP_CODE IBAN_CODE US_SSN IP_ADDRESS
    DOMAIN_NAME US_DRIVER_LICENSE""".split()
)


def transcript(turns: Sequence[tuple[int, str]]) -> Transcript:
    """A written conversation: speaker 0 is the agent."""
    return Transcript(
        engine="text",
        model="",
        version="",
        language="en",
        duration=0.0,
        split=SpeakerSplit.GIVEN,
        speakers=(Speaker(role=Role.AGENT), Speaker(role=Role.CUSTOMER)),
        utterances=tuple(
            Utterance(index=i, speaker=speaker, start=0.0, end=0.0, text=" ".join(text.split()))
            for i, (speaker, text) in enumerate(turns)
        ),
    )


def masked_tokens(redaction: Redaction, utterance: int) -> set[int]:
    """The places of masked words in one utterance."""
    return {
        place
        for span in redaction.spans
        if span.utterance == utterance
        for place in range(span.first_word, span.last_word + 1)
    }


def bare_tokens(text: str) -> set[int]:
    """The same for the bare expressions."""
    hits = [match.span() for match in BARE.finditer(text)]
    return {place for place, (begin, end) in enumerate(offsets(text)) if any(b < end and begin < e for b, e in hits)}


def offsets(text: str) -> list[tuple[int, int]]:
    """The character span of each token."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def built_with(key: str) -> bool:
    """Whether a dialogue is of the half that was looked at while rules were written; the other half is held out."""
    return zlib.crc32(key.encode()) % 2 == 0


def evi(size: str, *, asked: bool) -> None:
    path = DATA / "text_pii_spoken_evi" / "dev" / "dialogues.en.tsv"
    if not path.is_file():
        return
    clean: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    redactor = Redactor()
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["transcription"].strip()]
    for row in rows[:: 6 if size == "small" else 1]:
        half = "built_with" if built_with(row["dialogue_id"]) else "held_out"
        turns = [(0, ASKS[row["item"]])] if asked else []
        found = redactor.redact(transcript([*turns, (1, row["transcription"])]))
        words = found.transcript.utterances[-1].text.split(" ")
        bare = bare_tokens(row["transcription"])
        tokens = row["transcription"].split()
        counts = clean[f"{row['item']}.{'asked' if asked else 'alone'}.{half}"]
        counts[0] += 1
        counts[1] += all(word.startswith("[") or word.lower().strip(".,?!") in EMPTY_WORDS for word in words)
        counts[2] += all(i in bare or word.lower() in EMPTY_WORDS for i, word in enumerate(tokens))
    for item, (n, whole, reference) in sorted(clean.items()):
        emit(
            name=f"redaction.evi.{item}",
            value=whole / n,
            unit="rows with nothing left",
            n=n,
            reference=REFERENCE,
            reference_value=reference / n,
            size=size,
        )


def multidogo(size: str) -> None:
    folder = DATA / "text_pii_multidogo" / "dev"
    if not folder.is_dir():
        return
    redactor = Redactor()
    hit: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    masked_all = masked_right = 0
    for path in sorted(folder.glob("*.tsv"))[: 2 if size == "small" else None]:
        for rows in conversations(path):
            found = redactor.redact(transcript([(1, row["utterance"] or "") for row in rows]))
            for place, row in enumerate(rows):
                tokens, labels = (row["utterance"] or "").split(), (row["slot-labels"] or "").split()
                if len(tokens) != len(labels):
                    continue
                masks, bare = masked_tokens(found, place), bare_tokens(row["utterance"] or "")
                for i, label in enumerate(labels):
                    if label in MULTIDOGO:
                        hit[label][0] += 1
                        hit[label][1] += i in masks
                        hit[label][2] += i in bare
                    masked_all += i in masks
                    masked_right += i in masks and label in MULTIDOGO
    total, ours, bares = (sum(counts[k] for counts in hit.values()) for k in range(3))
    emit(
        name="redaction.multidogo.recall",
        value=ours / total,
        unit="labelled tokens masked",
        n=total,
        reference=REFERENCE,
        reference_value=bares / total,
        size=size,
        precision=round(masked_right / max(masked_all, 1), 4),
        kinds={label: round(counts[1] / counts[0], 3) for label, counts in sorted(hit.items())},
    )


def conversations(path: Path) -> Iterator[list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    grouped: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        grouped.setdefault(row["conversationId"], []).append(row)
    yield from grouped.values()


def presidio(size: str) -> None:
    path = DATA / "text_pii_presidio_research" / "dev" / "synth_dataset_v2.dev.json"
    if not path.is_file():
        return
    redactor = Redactor()
    spans: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    counts = [0, 0, 0, 0, 0]
    rows = json.loads(path.read_text(encoding="utf-8"))[:: 3 if size == "small" else 1]
    for row in rows:
        text = row["full_text"]
        places = offsets(text)
        masks, bare = masked_tokens(redactor.redact(transcript([(1, text)])), 0), bare_tokens(text)
        wanted: set[int] = set()
        neutral: set[int] = set()
        for span in row["spans"]:
            inside = {i for i, (b, e) in enumerate(places) if b < span["end_position"] and span["start_position"] < e}
            if span["entity_type"] in PRESIDIO:
                wanted |= inside
                entry = spans[span["entity_type"]]
                entry[0] += 1
                entry[1] += inside <= masks
                entry[2] += inside <= bare
            else:
                neutral |= inside
        neutral -= wanted
        counts[0] += len(wanted)
        counts[1] += len(wanted & masks)
        counts[2] += len(masks - neutral)
        counts[3] += len(wanted & bare)
        counts[4] += len(masks)
    emit(
        name="redaction.presidio.recall",
        value=counts[1] / counts[0],
        unit="labelled words masked",
        n=counts[0],
        reference=REFERENCE,
        reference_value=counts[3] / counts[0],
        size=size,
        precision=round(counts[1] / max(counts[2], 1), 4),
        precision_strict=round(counts[1] / max(counts[4], 1), 4),
        kinds={kind: round(entry[1] / entry[0], 3) for kind, entry in sorted(spans.items())},
    )


def free_text() -> dict[str, list[str]]:
    """Texts that hold next to no personal data."""
    texts: dict[str, list[str]] = {}
    bank = DATA / "text_topics_banking77_nlupp" / "dev" / "banking77_train.csv"
    if bank.is_file():
        with bank.open(encoding="utf-8", newline="") as file:
            texts["banking77"] = [row["text"] for row in csv.DictReader(file)]
    lines = DATA / "text_topics_dstc11" / "dev" / "insurance_test-utterances.jsonl"
    if lines.is_file():
        # Many of these tell names, numbers and addresses; those that plainly do not are taken.
        said = [json.loads(line)["utterance"] for line in lines.read_text(encoding="utf-8").splitlines()]
        texts["dstc11"] = [text for text in said if not TELLS.search(text)]
    folds = sorted((DATA / "text_topics_banking77_nlupp" / "dev" / "nlupp").glob("*/fold*.json"))
    if folds:
        texts["nlupp"] = [
            row["text"]
            for fold in folds
            for row in json.loads(fold.read_text(encoding="utf-8"))
            if not any("name" in slot and "company" not in slot for slot in row.get("slots", {}))
        ]
    return texts


def false_masking(size: str) -> None:
    redactor = Redactor()
    for name, texts in free_text().items():
        chosen = texts[:: 10 if size == "small" and len(texts) > 2000 else 1]
        words = masked = bare = 0
        for text in chosen:
            found = redactor.redact(transcript([(1, text)]))
            words += len(text.split())
            masked += len(masked_tokens(found, 0))
            bare += len(bare_tokens(text))
        emit(
            name=f"redaction.false_masking.{name}",
            value=masked / words,
            unit="share of words masked",
            n=words,
            reference=REFERENCE,
            reference_value=bare / words,
            size=size,
        )


def redactomatic(size: str) -> None:
    path = DATA / "text_pii_spoken_redactomatic" / "sample-data" / "sample_data_voice.csv"
    if not path.is_file():
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    calls: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        calls.setdefault(row["conversation_id"], []).append((0 if row["speaker"] == "Agent" else 1, row["text"]))
    digit = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|\d+)"
    long_run = re.compile(rf"\b{digit}(?:[ ,-]+{digit}){{3,}}\b", re.IGNORECASE)
    redactor = Redactor()
    before = after = bare = 0
    for turns in calls.values():
        before += sum(len(long_run.findall(" ".join(text.split()))) for _, text in turns)
        found = redactor.redact(transcript(turns))
        after += sum(len(long_run.findall(utterance.text)) for utterance in found.transcript.utterances)
        bare += sum(len(long_run.findall(BARE.sub("[X]", " ".join(text.split())))) for _, text in turns)
    emit(
        name="redaction.redactomatic.voice.runs_masked",
        value=1 - after / before,
        unit="share of digit runs masked",
        n=before,
        reference=REFERENCE,
        reference_value=1 - bare / before,
        size=size,
    )


def speed(size: str) -> None:
    turns = call_text(60_000 if size == "full" else 12_000)
    value = transcript(turns)
    words = sum(len(text.split()) for _, text in turns)
    redactor = Redactor()
    redactor.redact(transcript(turns[:20]))  # loads the word lists
    began = time.process_time()
    redactor.redact(value)
    ours = words / (time.process_time() - began)
    began = time.process_time()
    for _, text in turns:
        BARE.sub("[X]", text)
    bare = words / (time.process_time() - began)
    emit(
        name="redaction.text.speed",
        value=ours,
        unit="words/s on one core",
        n=words,
        reference=REFERENCE,
        reference_value=bare,
        size=size,
    )


def call_text(words: int) -> list[tuple[int, str]]:
    """Turns that look like a call: one answer in five is personal data."""
    small = [
        "so i was charged twice for my order last month and nobody could tell me why that happened",
        "okay let me have a look at that for you it will take just a moment while the system loads",
        "i waited for twenty minutes yesterday and then the line went dead which was quite annoying",
        "yes i can see two payments of forty nine pounds on the third of march one of them will be refunded",
    ]
    asks = [
        (
            "can i take your card number please",
            "it's four one one one uh one one one one double one double one one one one one",
        ),
        ("and your full name", "margaret thompson"),
        ("what is your postcode", "sierra whiskey one alpha one alpha alpha"),
    ]
    turns: list[tuple[int, str]] = []
    total = place = 0
    while total < words:
        ask, answer = asks[place % 3]
        turns += [
            (place % 2, small[place % 4]),
            (1 - place % 2, small[(place + 1) % 4]),
            (0, ask),
            (1, answer),
            (0, small[1]),
        ]
        total += sum(len(text.split()) for _, text in turns[-5:])
        place += 1
    return turns


def sound_speed(size: str) -> None:
    import io

    rate, seconds = 8000, 600 if size == "small" else 3600
    noise = np.random.default_rng(1).normal(0, 0.05, (rate * 60, 2)).astype(np.float32)
    source_file = io.BytesIO()
    writer = FlacWriter(source_file, rate, 2)
    for _ in range(seconds // 60):
        writer.write(noise)
    writer.close()
    source_file.seek(0)
    times = [(t + 0.3, t + 4.0) for t in range(10, seconds, 60)]
    source, target = FlacReader(source_file), io.BytesIO()
    began = time.process_time()
    with FlacWriter(target, rate, 2) as writer:
        mask_sound(source, times, writer, tone=True)
    ours = seconds / (time.process_time() - began)
    source_file.seek(0)
    source, target = FlacReader(source_file), io.BytesIO()
    began = time.process_time()
    with FlacWriter(target, rate, 2) as writer:
        for start in range(0, source.frames, 30 * rate):
            writer.write(source.window(start, start + 30 * rate))
    copy = seconds / (time.process_time() - began)
    emit(
        name="redaction.sound.speed",
        value=ours,
        unit="x real time, 8 kHz stereo, FLAC in and out",
        n=seconds,
        reference="copying the FLAC in blocks",
        reference_value=copy,
        size=size,
    )


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=["small", "full"], default="small")
    size = parser.parse_args().size
    speed(size)
    sound_speed(size)
    evi(size, asked=True)
    evi(size, asked=False)
    multidogo(size)
    presidio(size)
    redactomatic(size)
    false_masking(size)


if __name__ == "__main__":
    main()

"""The verb of this room: transcribe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import soxr

from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Word
from candor.errors import InvalidInput
from candor.kit.sound import BLOCK_SECONDS, SoundSource
from candor.transcript import dictation, filters, turns
from candor.transcript.attribute import attribute
from candor.transcript.channels import LeakFilter, Likeness
from candor.transcript.ports import RATE, Aligner, Diariser, Heard, HeardWord, Mono, Recogniser, Stretch, VoiceDetector
from candor.transcript.segments import merge

BATCH_SECONDS = 120.0
"""Sound that is given to the recogniser at once; bounds memory."""
FEW_TOKENS = 20
"""Fewer tokens than this do not tell whether the language is the engine's."""

_LATIN_EXCEPT = frozenset({"ar", "bg", "el", "fa", "he", "hi", "ja", "ko", "ru", "sr", "th", "uk", "ur", "zh", "yue"})


@dataclass(slots=True)
class _Channel:
    """What is known of one channel while it is worked on."""

    number: int
    speech: list[Stretch]
    segments: list[Stretch]
    words: list[Word] = field(default_factory=list)
    log_probability: float = 0.0
    tokens: int = 0
    language: str | None = None
    spread: int = 0
    timed: int = 0

    @property
    def doubtful(self) -> bool:
        return self.tokens >= FEW_TOKENS and self.log_probability / self.tokens < filters.FOREIGN


class Transcriber:
    """One recogniser with what it needs around it; may be used by several threads."""

    def __init__(
        self,
        recogniser: Recogniser,
        detector: VoiceDetector,
        aligner: Aligner | None = None,
        diariser: Diariser | None = None,
        digits: dictation.DigitHearer | None = None,
    ) -> None:
        self.recogniser = recogniser
        self._detector = detector
        self._aligner = aligner
        self._diariser = diariser
        self._digits = digits

    def transcribe(
        self, sound: SoundSource, *, language: str | None = None, roles: Mapping[int, Role] | None = None
    ) -> Transcript:
        """What is said in ``sound`` (any rate, any number of channels), in memory independent of its length.

        ``language`` is a BCP 47 tag or None ("find out"); ``roles`` says who is on which channel. Raises InvalidInput
        when the engine does not know the language or its model is missing, Unavailable when the model cannot be
        fetched now. No speech, or speech that the engine cannot make out, gives a transcript without utterances and
        with a note that says so.
        """
        self._require_language(language)
        duration = sound.frames / sound.rate
        notes: list[str] = []
        channels = self._listen(sound, notes)
        for channel in channels:
            self._recognise(sound, channel, language)
        heard = [channel for channel in channels if channel.words]
        notes += self._drop_doubtful(heard, language)
        words: list[tuple[int, Word]]
        mixed = len(channels) == 1
        if mixed:
            speakers, split, words = self._split(sound, channels[0], roles or {}, notes)
        else:
            speakers = tuple(
                Speaker(role=(roles or {}).get(channel.number, Role.UNKNOWN), channel=channel.number)
                for channel in channels
            )
            split = SpeakerSplit.CHANNEL
            words = [(place, word) for place, channel in enumerate(channels) for word in channel.words]
        if not words and not notes:
            notes.append("No speech was found.")
        can = self.recogniser.capabilities
        return attribute(
            Transcript(
                engine=can.engine,
                model=can.model,
                version=can.version,
                language=self._language(channels, language),
                duration=duration,
                speakers=speakers,
                split=split,
                utterances=turns.utterances(words),
                word_times=self._word_times(channels),
                notes=tuple(notes),
            )
        )

    # -- what can be asked for ------------------------------------------------------------------------------------

    def _require_language(self, language: str | None) -> None:
        can = self.recogniser.capabilities
        if language and can.languages is not None and _primary(language) not in can.languages:
            raise InvalidInput(
                f"The engine {can.engine} ({can.model}) does not know the language {language}.",
                code="transcript.language",
                advice=f"It knows: {', '.join(sorted(can.languages))}. Choose another engine for this call.",
            )

    def _language(self, channels: Sequence[_Channel], asked: str | None) -> str:
        if asked:
            return asked
        told = [channel.language for channel in channels if channel.language]
        known = self.recogniser.capabilities.languages
        return told[0] if told else next(iter(known)) if known and len(known) == 1 else "und"

    # -- first pass: where is speech ------------------------------------------------------------------------------

    def _listen(self, sound: SoundSource, notes: list[str]) -> list[_Channel]:
        """Speech of each channel; one channel when all carry the same sound."""
        sessions = [self._detector.start() for _ in range(sound.channels)]
        streams = [soxr.ResampleStream(sound.rate, RATE, 1, dtype="float32") for _ in sessions]
        likeness = Likeness(sound.channels)
        block = BLOCK_SECONDS * sound.rate
        for begin in range(0, sound.frames, block):
            samples = sound.window(begin, begin + block)
            likeness.feed(samples)
            last = begin + block >= sound.frames
            for number, (session, stream) in enumerate(zip(sessions, streams, strict=True)):
                session.feed(stream.resample_chunk(np.ascontiguousarray(samples[:, number]), last=last))
        duration = sound.frames / sound.rate
        if sound.channels > 1 and likeness.all_same():
            notes.append("All channels carry the same sound: it is treated as one mixed channel.")
            speech = [sessions[0].finish()]
        else:
            speech = [session.finish() for session in sessions]
        if len(speech) > 1:
            leaks = LeakFilter(sound)
            speech = [leaks.own(number, speech) for number in range(len(speech))]
            if leaks.dropped > 1.0:
                notes.append(
                    f"{leaks.dropped:.0f} s of speech that leaked from one channel into another were left out there."
                )
        return [
            _Channel(number=number, speech=stretches, segments=merge(stretches, duration))
            for number, stretches in enumerate(speech)
        ]

    # -- second pass: what is said --------------------------------------------------------------------------------

    def _recognise(self, sound: SoundSource, channel: _Channel, language: str | None) -> None:
        batch: list[Stretch] = []
        for place, segment in enumerate(channel.segments):
            batch.append(segment)
            following = channel.segments[place + 1 : place + 2]
            if not following or sum(piece.length for piece in batch) + following[0].length > BATCH_SECONDS:
                samples = [_read(sound, channel.number, piece.start, piece.end) for piece in batch]
                results = self.recogniser.recognise(samples, language=language)
                for piece, samples_of, heard in zip(batch, samples, results, strict=True):
                    self._take(channel, piece, samples_of, heard, language)
                batch = []

    def _take(self, channel: _Channel, piece: Stretch, samples: Mono, heard: Heard, language: str | None) -> None:
        channel.language = channel.language or heard.language
        spoken = _primary(language or heard.language or "und")
        if heard.mean_log_probability is not None:
            channel.log_probability += heard.mean_log_probability * heard.tokens
            channel.tokens += heard.tokens
        if filters.is_false_text(heard, piece.length, latin=spoken not in _LATIN_EXCEPT):
            return
        before = channel.spread
        words = self._timed(channel, piece, samples, heard, spoken)
        if spoken in dictation.LANGUAGES and self._digits is not None:
            timed = channel.spread == before and not dictation.loops([word.text for word in words])
            found = self._with_numbers(self._digits, piece, samples, words, timed=timed)
            if found is not None:
                words, channel.spread = found, before
            words = self._with_left_out(piece, samples, words)
        channel.words += words

    def _with_numbers(
        self, hearer: dictation.DigitHearer, piece: Stretch, samples: Mono, words: list[Word], *, timed: bool
    ) -> list[Word] | None:
        """The words of a segment, with numbers that were dictated in it as they were said; None when there are none."""
        given = [HeardWord(text=word.text, confidence=word.confidence) for word in words]
        times = [Stretch(start=word.start - piece.start, end=word.end - piece.start) for word in words]
        numbers = dictation.numbers(hearer, samples, given, times, timed=timed)
        if not numbers:
            return None
        kept: list[Word] = []
        if timed:
            kept = [
                word
                for word, time in zip(words, times, strict=True)
                if not dictation.replaced(word.text, time, numbers)
            ]
        else:
            # Where each word was said is not known: what lies between the numbers is recognised by itself.
            for rest in dictation.between(samples, numbers):
                sound = samples[int(rest.start * RATE) : int(rest.end * RATE)]
                (heard,) = self.recogniser.recognise([sound], language="en")
                if not filters.is_false_text(heard, rest.length, latin=True):
                    kept += self._aligned(sound, heard.words, piece.start + rest.start, rest.length)
        for number in numbers:
            sound = samples[int(number.start * RATE) : int(number.end * RATE)]
            kept += self._aligned(
                sound, number.words, piece.start + number.start, number.end - number.start, edges=True
            )
        return sorted(kept, key=lambda word: word.start)

    def _with_left_out(self, piece: Stretch, samples: Mono, words: Sequence[Word]) -> list[Word]:
        """The words of a segment, with those that were left out after a number and took its last digit's time."""
        found: list[Word] = []
        for place, word in enumerate(words):
            rest = word.start + dictation.DIGIT
            # Where more digits follow, what was left out is one of them, whatever it sounds like.
            goes_on = place + 1 < len(words) and dictation.is_digit(words[place + 1].text)
            if dictation.drawn(word.text, word.end - word.start) and not goes_on:
                sound = samples[int((rest - piece.start) * RATE) : int((word.end - piece.start) * RATE)]
                (heard,) = self.recogniser.recognise([sound], language="en")
                if heard.words and not filters.is_false_text(heard, word.end - rest, latin=True):
                    found.append(replace(word, end=round(rest, 3)))
                    found += self._aligned(sound, heard.words, rest, word.end - rest)
                    continue
            found.append(word)
        return found

    def _aligned(
        self, sound: Mono, words: Sequence[HeardWord], start: float, length: float, *, edges: bool = False
    ) -> list[Word]:
        """Words with times in the call; ``edges``: the first begins, and the last ends, with the sound."""
        texts = [word.text for word in words]
        times = self._aligner.align(sound, texts) if self._aligner is not None else None
        if times is None:
            return turns.spread(texts, [word.confidence for word in words], start, start + length)
        last = len(times) - 1
        return [
            Word(
                text=word.text,
                start=round(start if edges and place == 0 else start + min(time.start, length), 3),
                end=round(start + (length if edges and place == last else min(time.end, length)), 3),
                confidence=round(word.confidence, 4),
            )
            for place, (word, time) in enumerate(zip(words, times, strict=True))
        ]

    def _timed(self, channel: _Channel, piece: Stretch, samples: Mono, heard: Heard, language: str) -> list[Word]:
        """Words with times in the call: the engine's own, else aligned, else spread over the segment."""
        channel.timed += 1
        texts = [word.text for word in heard.words]
        times: list[Stretch] | None = None
        if all(word.start is not None and word.end is not None for word in heard.words):
            times = [Stretch(start=word.start or 0.0, end=word.end or 0.0) for word in heard.words]
        elif self._aligner is not None and language in self._aligner.languages:
            times = self._aligner.align(samples, texts)
        if times is None:
            channel.spread += 1
            return turns.spread(texts, [word.confidence for word in heard.words], piece.start, piece.end)
        words = []
        last = piece.start
        for word, time in zip(heard.words, times, strict=True):
            start = min(max(piece.start + time.start, last), piece.end)
            end = min(max(piece.start + time.end, start), piece.end)
            last = start
            words.append(
                Word(text=word.text, start=round(start, 3), end=round(end, 3), confidence=round(word.confidence, 4))
            )
        return words

    def _word_times(self, channels: Sequence[_Channel]) -> str:
        if self.recogniser.capabilities.word_times:
            return "engine"
        timed, spread = sum(channel.timed for channel in channels), sum(channel.spread for channel in channels)
        # "aligned" must not hide that most of it is not: the word says what holds for the larger part.
        return "spread" if spread * 2 > timed or (self._aligner is None) else "aligned"

    # -- afterwards -----------------------------------------------------------------------------------------------

    def _drop_doubtful(self, heard: Sequence[_Channel], language: str | None) -> list[str]:
        """Empty channels whose text is nonsense; the sentences to say so."""
        doubtful = [channel for channel in heard if channel.doubtful]
        if not doubtful:
            return []
        expected = "the language asked for" if language and _primary(language) != "en" else "English"
        for channel in doubtful:
            channel.words = []
        if len(doubtful) == len(heard):
            return [f"This does not sound like {expected}, or the sound is too bad: no text is shown."]
        return [
            f"Channel {channel.number + 1} does not sound like {expected}, or its sound is too bad: "
            "no text of it is shown."
            for channel in doubtful
        ]

    def _split(
        self, sound: SoundSource, channel: _Channel, roles: Mapping[int, Role], notes: list[str]
    ) -> tuple[tuple[Speaker, ...], SpeakerSplit, list[tuple[int, Word]]]:
        """Speakers of a mixed channel, told apart by voice where that is possible."""
        single = (Speaker(role=roles.get(0, Role.UNKNOWN), channel=0),)
        turns_by_voice = None
        if self._diariser is not None and channel.words:
            turns_by_voice = self._diariser.split(
                channel.speech, lambda start, end: _read(sound, channel.number, start, end)
            )
        if not turns_by_voice or len({voice for _, voice in turns_by_voice}) < 2:
            return single, SpeakerSplit.SINGLE, [(0, word) for word in channel.words]
        notes.append("Both speakers are on one channel: who said what was guessed from their voices.")
        words = turns.assign(channel.words, turns_by_voice)
        voices = max(voice for _, voice in turns_by_voice) + 1
        return (
            tuple(Speaker(role=Role.UNKNOWN, channel=0) for _ in range(voices)),
            SpeakerSplit.GUESSED,
            words,
        )


def _primary(tag: str) -> str:
    return tag.replace("_", "-").split("-")[0].lower()


def _read(sound: SoundSource, channel: int, start: float, end: float) -> Mono:
    """One channel of [start, end) seconds at the recognisers' rate."""
    samples = sound.window(int(start * sound.rate), int(np.ceil(end * sound.rate)))[:, channel]
    mono: Mono = np.ascontiguousarray(samples)
    if sound.rate != RATE:
        mono = soxr.resample(mono, sound.rate, RATE)
    return mono

"""Why a recording is refused: one code, one sentence, one advice each. docs/reference/import.md lists them all."""

from __future__ import annotations

from dataclasses import dataclass

from candor.errors import MediaRejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The words of one refusal; ``{}`` fields are filled with facts about the file, never with its content."""

    sentence: str
    advice: str


REFUSALS: dict[str, Refusal] = {
    "media.empty": Refusal(
        sentence="The file is empty: it has no bytes.",
        advice="Check that the recorder finished writing it, and copy it again.",
    ),
    "media.too_large": Refusal(
        sentence="The file has {size}; the limit is {limit}.",
        advice="Split the recording, or convert it to a compressed format, and import it again.",
    ),
    "media.too_short": Refusal(
        sentence="The recording holds {seconds} s of sound; at least {limit} s are needed.",
        advice="It was probably a call that nobody answered; leave it out, or check the recorder.",
    ),
    "media.too_long": Refusal(
        sentence="The recording is longer than the limit of {limit}.",
        advice="Split it into single calls and import those, or raise the limit.",
    ),
    "media.decoded_too_large": Refusal(
        sentence="Unpacked, the sound grows beyond the limit of {limit}.",
        advice="Check where the file comes from: a short file that unpacks without end is a known attack.",
    ),
    "media.truncated": Refusal(
        sentence="The file breaks off before any sound that could be heard.",
        advice="The copy was interrupted: fetch the complete file from the recorder and import it again.",
    ),
    "media.encrypted": Refusal(
        sentence="The file is encrypted or protected by a password ({kind}).",
        advice="Decrypt it with its own tool first, then import the result.",
    ),
    "media.archive": Refusal(
        sentence="This is a packed archive ({kind}), not a recording; archives are never unpacked here.",
        advice="Unpack it yourself and import the folder.",
    ),
    "media.not_audio": Refusal(
        sentence="This is not sound: the content is {kind}.",
        advice="Check which file was meant; recordings in WAV, MP3, FLAC, Ogg, M4A, AMR, GSM, G.722 or WebM are read.",
    ),
    "media.no_audio_track": Refusal(
        sentence="The file has no sound track; it holds only pictures or data.",
        advice="Check whether the recorder stored the sound in another file.",
    ),
    "media.unknown_format": Refusal(
        sentence="The content is not in any format known here; it may be damaged or encrypted.",
        advice="Play it with another program; if that works, convert it to WAV and import that.",
    ),
    "media.codec": Refusal(
        sentence="The sound is coded as {kind}, which is not read here.",
        advice="Convert it to WAV, FLAC or Opus and import that.",
    ),
    "media.damaged": Refusal(
        sentence="The file says it is {kind}, but nothing in it can be decoded.",
        advice="Fetch it again from the recorder; if it still fails, its original is damaged too.",
    ),
    "media.rate": Refusal(
        sentence="The file claims {rate} samples a second; {low} to {high} are plausible.",
        advice="The header is wrong or damaged: export the recording again.",
    ),
    "media.channels": Refusal(
        sentence="The file claims {channels} channels; 1 to {limit} can be taken.",
        advice="Export the call with one channel a party, or mixed to one channel.",
    ),
}


def refuse(code: str, **facts: object) -> MediaRejected:
    """The error to raise for ``code``."""
    words = REFUSALS[code]
    return MediaRejected(words.sentence.format(**facts), code=code, advice=words.advice)


def amount(size: int) -> str:
    """Bytes for people: ``5.0 GB``."""
    value = float(size)
    for unit in ("bytes", "KB", "MB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GB"


def clock(seconds: float) -> str:
    """A length for people: ``4:05:00`` or ``3:07``."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"

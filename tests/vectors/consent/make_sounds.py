"""Makes the sounds in this folder again: ``python tests/vectors/consent/make_sounds.py`` (needs Debian's flite).

``notice.ulaw``            the prompt, alone
``notice.print``           its print; changes only when the format of prints does
``notice_damaged.ulaw``    a call: speech, the prompt, speech; noise 10 dB below, 5 % of packets lost
``speech.ulaw``            the same speech, without the prompt
``beeps.ulaw``             three beeps of 1,400 Hz, 2 s apart, in noise 20 dB below

G.711 mu-law, 8,000 samples a second, no header.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

from candor.consent.announcements import BeepTone, render
from candor.consent.announcements.adapters.flite import Flite
from candor.consent.proof import Print

HERE = Path(__file__).parent
RATE = 8_000
NOTICE = "This call is recorded by Example Limited. The recording is for training our staff."
SPEECH = "Good morning. I would like to know when my order is going to arrive, please. It was sent last week."


def spoken(text: str, voice: str) -> np.ndarray:
    """Telephone sound."""
    said = Flite(voice).speak(text, "en")
    return render(said.samples, said.rate).at(RATE)


def write(name: str, samples: np.ndarray) -> None:
    """As mu-law octets."""
    soundfile.write(HERE / name, np.clip(samples, -1, 1), RATE, format="RAW", subtype="ULAW")


def main() -> None:
    """All of them."""
    chance = np.random.default_rng(1)
    notice, speech = spoken(NOTICE, "slt"), spoken(SPEECH, "rms")
    write("notice.ulaw", notice)
    write("speech.ulaw", speech)
    coded, _ = soundfile.read(
        HERE / "notice.ulaw", format="RAW", subtype="ULAW", samplerate=RATE, channels=1, dtype="float32"
    )
    (HERE / "notice.print").write_bytes(Print.of("notice", coded, RATE).data)
    call = np.concatenate([speech[: 2 * RATE], notice, speech[2 * RATE : 4 * RATE]])
    call = call + chance.standard_normal(len(call)) * np.sqrt(np.mean(notice**2)) * 10 ** (-10 / 20)
    for start in range(0, len(call), 160):
        if chance.random() < 0.05:
            call[start : start + 160] = 0
    write("notice_damaged.ulaw", call)
    beeps = BeepTone(every=2.0).repeated(5.0, RATE)
    write("beeps.ulaw", beeps + chance.standard_normal(len(beeps)) * 0.1 / np.sqrt(2) * 0.1)


if __name__ == "__main__":
    sys.exit(main())

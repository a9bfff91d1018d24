"""TwiML: the XML that Twilio and its like perform (twilio.com/docs/voice/twiml).

Documents are built from elements, and every value is escaped on its way in: nothing that a caller or an address holds
can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

CONTENT_TYPE = "application/xml"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (section 2.2)."""
_LOCALES = {
    "en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "pt": "pt-PT", "it": "it-IT", "nl": "nl-NL",
}  # fmt: skip
_TAG = re.compile(r"[A-Za-z]{2,3}-[A-Za-z0-9]{2,8}")


def element(tag: str, /, *inside: str, text: str = "", **attributes: str | None) -> str:
    """One element; ``inside`` are elements, ``text`` and attributes are escaped here; None leaves one out."""
    told = "".join(f" {key}={quoteattr(_clean(value))}" for key, value in attributes.items() if value is not None)
    body = "".join(inside) + escape(_clean(text))
    return f"<{tag}{told}>{body}</{tag}>" if body else f"<{tag}{told}/>"


def document(elements: Iterable[str], why: str = "") -> str:
    """A whole answer; ``why`` is a comment for those who read it in the provider's log."""
    note = _clean(why).replace("--", "- -")
    comment = f"<!-- {escape(note)} -->" if note else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{comment}{"".join(elements)}</Response>'


def say(text: str, language: str) -> str:
    """Speech by the provider's own voice."""
    locale = language if _TAG.fullmatch(language) else _LOCALES.get(language.lower().split("-")[0], "en-US")
    return element("Say", text=text, language=locale)


def play(url: str) -> str:
    """Sound from an address."""
    return element("Play", text=url)


def gather(prompt: Iterable[str], *, action: str, keys: bool, language: str, seconds: int) -> str:
    """A prompt whose answer goes to ``action``: one key, or speech where there are no keys.

    Without an answer the provider goes on behind it.
    """
    locale = _LOCALES.get(language.lower().split("-")[0], "en-US")
    # finishOnKey is emptied, because # may be one of the keys.
    how = (
        {"input": "dtmf", "numDigits": "1", "finishOnKey": ""} if keys
        else {"input": "speech", "language": locale, "speechTimeout": "auto"}
    )  # fmt: skip
    return element("Gather", *prompt, action=action, method="POST", timeout=str(seconds), **how)


def redirect(url: str) -> str:
    """Go on there."""
    return element("Redirect", text=url, method="POST")


def stream(url: str, parameters: dict[str, str]) -> str:
    """Send the call's sound, both directions, to a media-stream address."""
    told = [element("Parameter", name=name, value=value) for name, value in parameters.items()]
    return element("Start", element("Stream", *told, url=url, track="both_tracks"))


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)

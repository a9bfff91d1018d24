"""Every error that Candor raises on purpose, drawn once.

CandorError
├── InvalidInput        what was given cannot be taken; the sentence says what to change
│   └── MediaRejected   a recording that cannot become a conversation (empty, encrypted, not sound …)
├── NotFound            no such thing, or not for this person
├── Conflict            it is there already, or has changed meanwhile
├── Unauthenticated     nobody is logged in
├── Forbidden           somebody is, but may not
├── TooLarge            over a stated limit
├── Unavailable         a fault that passes: try again (the pipeline does, with back-off)
└── Damaged             what is held does not verify: changed byte, missing piece
    ├── WrongKey        it may well be whole, but not under the master key that is configured
    └── Incomplete      it was begun and never finished: a half-written backup, a half-done restore

``code`` is stable and for machines (``media.empty``); the message is for the person who must act and holds no
personal data, because it is logged. Foreign exceptions are turned into these at the adapter, cause kept.
"""

from __future__ import annotations


class CandorError(Exception):
    """Base of all deliberate errors: what happened (``message``) and what to do about it (``advice``)."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class InvalidInput(CandorError):
    """What was given cannot be taken as it is."""

    code = "invalid"


class MediaRejected(InvalidInput):
    """A recording that cannot become a conversation; the original stays sealed when it was taken in already."""

    code = "media.rejected"


class NotFound(CandorError):
    """There is no such thing, or it is not for this person: the two are never told apart."""

    code = "not_found"


class Conflict(CandorError):
    """It exists already, or it changed since it was read."""

    code = "conflict"


class Unauthenticated(CandorError):
    """Nobody is logged in, or the token is not valid (any more)."""

    code = "unauthenticated"


class Forbidden(CandorError):
    """Logged in, but without the right."""

    code = "forbidden"


class TooLarge(CandorError):
    """Over a stated limit."""

    code = "too_large"


class Unavailable(CandorError):
    """A fault that passes by itself: the same call may succeed later."""

    code = "unavailable"


class Damaged(CandorError):
    """What is held does not verify; nothing of it is returned."""

    code = "damaged"


class WrongKey(Damaged):
    """Sealed under another master key than those that are configured; nothing of it is returned."""

    code = "vault.wrong_key"


class Incomplete(Damaged):
    """Begun and never finished; it is not used."""

    code = "incomplete"

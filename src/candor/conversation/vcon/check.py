"""The shape of an unsigned vCon, checked by hand so that each fault names its place and older shapes pass.

No value of the document is quoted: a fault goes into logs, and values are personal data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from candor.errors import InvalidInput

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_MEDIATYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+*-]+\s*(;.*)?\Z", re.DOTALL)
_SHOWN = 5
RENAMED = {
    "mimetype": "mediatype",
    "transfer-target": "transfer_target",
    "target-dialog": "target_dialog",
    "appended": "amended",
    "must_support": "critical",
    "schema_version": "schema",
}
"""Old name → name since 0.4.0."""
_INDICES = ("transferee", "transferor", "transfer_target")


def renamed(item: Mapping[str, Any]) -> dict[str, Any]:
    """The object with today's names; today's name wins where both stand."""
    return {RENAMED.get(key, key): value for key, value in item.items() if RENAMED.get(key) not in item}


class Checker:
    """Collects the faults of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.faults: list[str] = []
        self.notes: list[str] = []
        self._document = document

    def run(self) -> None:
        """Check everything; raises InvalidInput ``vcon.invalid`` naming up to five faults."""
        document = self._document
        self._head(document)
        arrays = {key: self._array(key) for key in ("parties", "dialog", "analysis", "attachments")}
        count = len(arrays["parties"])
        for place, dialog in enumerate(arrays["dialog"]):
            self._dialog(dialog, f"dialog[{place}]", count)
        for key in ("analysis", "attachments"):
            for place, item in enumerate(arrays[key]):
                faults = len(self.faults)
                self._content(item, f"{key}[{place}]")
                self._indices(item.get("dialog"), f"{key}[{place}].dialog", len(arrays["dialog"]), "dialog")
                if "lawful_basis" in (item.get("purpose"), item.get("type")):
                    # What is wrong with it is no reason to refuse the conversation: its reader gives it no weight.
                    self.notes += [f"{fault}." for fault in self.faults[faults:]]
                    del self.faults[faults:]
        if self.faults:
            more = f" (and {len(self.faults) - _SHOWN} more faults)" if len(self.faults) > _SHOWN else ""
            raise InvalidInput(
                f"This is not a valid vCon: {'; '.join(self.faults[:_SHOWN])}{more}.",
                code="vcon.invalid", advice="Ask the sender for a document after draft-ietf-vcon-vcon-core.",
            )  # fmt: skip

    def _head(self, document: Mapping[str, Any]) -> None:
        """Everything beside the four arrays."""
        self._uuid(document.get("uuid"))
        version = document.get("vcon")
        if version is not None and not (isinstance(version, str) and version):
            self.faults.append("vcon (the version) is not a text")
        for key in ("created_at", "updated_at"):
            if document.get(key) is not None:
                self._moment(document[key], key)
        if document.get("created_at") is None:
            self.notes.append("The document does not say when it was made.")
        for key in ("redacted", "amended"):
            if document.get(key) is not None and not isinstance(document[key], Mapping):
                self.faults.append(f"{key} is not an object")
        for key in ("extensions", "critical"):
            if document.get(key) is not None and not isinstance(document[key], list):
                self.faults.append(f"{key} is not an array")
        if document.get("redacted") and document.get("amended"):
            self.faults.append("redacted and amended stand together, but exclude one another")

    def _uuid(self, value: object) -> None:
        if value is None:
            self.faults.append("uuid is missing")
        elif not (isinstance(value, str) and _UUID.match(value)):
            self.faults.append("uuid is not a UUID")

    def _array(self, key: str) -> list[Mapping[str, Any]]:
        value = self._document.get(key, [])
        if not isinstance(value, list):
            self.faults.append(f"{key} is not an array")
            return []
        for place, item in enumerate(value):
            if not isinstance(item, Mapping):
                self.faults.append(f"{key}[{place}] is not an object")
        # Faulty places stay, as empty objects: other places are counted by their number.
        return [renamed(item) if isinstance(item, Mapping) else {} for item in value]

    def _dialog(self, dialog: Mapping[str, Any], where: str, parties: int) -> None:
        if not dialog:
            return  # a redacted vCon leaves empty objects in place
        if not isinstance(dialog.get("type"), str):
            self.faults.append(f"{where}.type is missing")
        if dialog.get("start") is None:
            self.faults.append(f"{where}.start is missing")
        else:
            self._moment(dialog["start"], f"{where}.start")
        duration = dialog.get("duration")
        if duration is not None and amount(duration) is None:
            self.faults.append(f"{where}.duration is not a number of seconds")
        self._parties(dialog.get("parties"), f"{where}.parties", parties)
        self._indices(dialog.get("originator"), f"{where}.originator", parties, "party")
        for key in _INDICES:
            self._indices(dialog.get(key), f"{where}.{key}", parties, "party")
        self._history(dialog.get("party_history"), f"{where}.party_history", parties)
        self._content(dialog, where)

    def _history(self, value: object, where: str, parties: int) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            self.faults.append(f"{where} is not an array")
            return
        for place, item in enumerate(value):
            if not isinstance(item, Mapping):
                self.faults.append(f"{where}[{place}] is not an object")
                continue
            self._indices(item.get("party"), f"{where}[{place}].party", parties, "party")
            self._moment(item.get("time"), f"{where}[{place}].time")

    def _content(self, item: Mapping[str, Any], where: str) -> None:
        mediatype = item.get("mediatype")
        if (
            mediatype is not None
            and mediatype != ""
            and not (isinstance(mediatype, str) and _MEDIATYPE.match(mediatype))
        ):
            self.faults.append(f"{where}.mediatype is not a media type")
        filename = item.get("filename")
        if filename is not None and not isinstance(filename, str):
            self.faults.append(f"{where}.filename is not a text")
        encoding = item.get("encoding")
        if encoding not in (None, "", "base64url", "json", "none"):
            self.faults.append(f"{where}.encoding is none of base64url, json, none")
        if encoding == "base64url" and item.get("body") is not None and not isinstance(item["body"], str):
            self.faults.append(f"{where}.body is not a text, though its encoding is base64url")
        self._url(item.get("url"), f"{where}.url")

    def _url(self, value: object, where: str) -> None:
        if value is None or value == "":
            return
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
            good = parts is not None and bool(parts.scheme) and bool(parts.netloc)
        except ValueError:
            good = False
        if not good:
            self.faults.append(f"{where} is not a URL")

    def _parties(self, value: object, where: str, count: int) -> None:
        """One index, or one a party, or for a recording one (or several, or null) a channel."""
        if not isinstance(value, list):
            self._indices(value, where, count, "party")
            return
        for place, item in enumerate(value):
            self._indices(item, f"{where}[{place}]", count, "party")

    def _indices(self, value: object, where: str, count: int, what: str) -> None:
        if value is None:
            return
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, bool) or not isinstance(item, int):
                self.faults.append(f"{where} is not an index")
            elif not 0 <= item < count:
                self.faults.append(f"{where} names {what} {item}, but there are {count}")

    def _moment(self, value: object, where: str) -> None:
        if read_moment(value) is None:
            self.faults.append(f"{where} is not a date and time after RFC 3339")


def read_moment(value: object) -> datetime | None:
    """An RFC 3339 date and time, naive when it has no offset; None when it is none."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def amount(value: object) -> float | None:
    """A JSON number from 0 to 10⁹ (as seconds: 30 years); None for everything else, also what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
        return None
    return float(value)

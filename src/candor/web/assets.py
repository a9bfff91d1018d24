"""Static files under one name that changes with their bytes, so that browsers may keep them for ever.

All files sit under ``/static/HASH/``, where HASH covers the whole folder: ES modules import each other by relative
path and stay consistent, without a bundler. The style sheets, one file a component, are sent as one.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request, Response

FOLDER = Path(__file__).parent / "static"
STYLE = "candor.css"
_FIRST = ("tokens.css", "base.css")
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Assets:
    """The files of one folder, read once: they are small (under 300 KB together)."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        sheets = {name.removeprefix("css/"): data for name, data in self._files.items() if name.startswith("css/")}
        order = [*_FIRST, *(name for name in sheets if name not in _FIRST)]
        self._files[STYLE] = b"\n".join(sheets[name] for name in order if name in sheets)
        digest = hashlib.sha256()
        for name, data in sorted(self._files.items()):
            digest.update(name.encode() + b"\0" + data + b"\0")
        self.hash = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of the file ``name`` (``js/app.js``)."""
        return f"/static/{self.hash}/{name}"

    def get(self, name: str) -> bytes | None:
        """The bytes of the file, None when there is none: only what was found at start is ever served."""
        return self._files.get(name)


def routes(assets: Assets) -> APIRouter:
    """The route that serves them."""
    router = APIRouter()

    @router.get("/static/{version}/{name:path}")
    async def static(version: str, name: str, request: Request) -> Response:
        data = assets.get(name)
        if data is None:
            return Response(status_code=404, media_type="text/plain")
        current = version == assets.hash
        etag = f'"{assets.hash}"'
        headers = {"Cache-Control": _FOREVER if current else "no-cache", "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=media_type(name), headers=headers)

    return router


def media_type(name: str) -> str:
    """The media type of a file by its name, not by what the machine's own table happens to say."""
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"

"""The API's description: OpenAPI 3.1 at ``/api/v1/openapi.json``, and a plain page of it that needs no script."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

router = APIRouter()
POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
PUBLIC = frozenset({"/api/v1/openapi.json", "/api/v1/docs"})
"""Open to all: they describe the program and hold nobody's data."""


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document."""
    return JSONResponse(_document(request.app))


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The reference for people."""
    return HTMLResponse(page(_document(request.app)), headers={"Content-Security-Policy": POLICY})


def _document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def page(document: dict[str, Any]) -> str:
    """The document as HTML without script or style."""
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><title>Candor API</title><h1>Candor API, version 1</h1>",
             "<p>Send <code>Authorization: Bearer TOKEN</code>. Errors are problem details (RFC 9457). ",
             '<a href="/api/v1/openapi.json">OpenAPI document</a></p>']  # fmt: skip
    for path, methods in sorted(document["paths"].items()):
        for method, about in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(about['description'])}</p>")
            rows = [
                f"<tr><td><code>{escape(p['name'])}</code><td>{p['in']}<td>{escape(p.get('description', ''))}"
                for p in about.get("parameters", ())
            ]
            if rows:
                parts.append(f"<table><tr><th>name<th>in<th>what{''.join(rows)}</table>")
    return "".join(parts)


def markdown(document: dict[str, Any]) -> str:
    """The document as docs/reference/api.md."""
    lines = [
        "# REST API, version 1",
        "",
        "Send `Authorization: Bearer TOKEN`. Errors are `application/problem+json` (RFC 9457) with `code` and",
        "`advice`. This page is served at `/api/v1/docs`, the OpenAPI document at `/api/v1/openapi.json`.",
        "",
    ]
    for path, methods in sorted(document["paths"].items()):
        for method, about in methods.items():
            lines += [f"## `{method.upper()} {path}`", "", about["description"], ""]
            named = about.get("parameters", ())
            lines += [f"- `{p['name']}` ({p['in']}): {p.get('description', '')}".rstrip(": ") for p in named]
            lines += [""] if named else []
    return "\n".join(lines).rstrip() + "\n"

"""The audit log: lines, checkpoints, proofs, verification, the whole as a file."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.audit import store
from candor.audit.model import Event, moment, plain
from candor.audit.store import Wanted
from candor.audit.verifying import plain_report
from candor.errors import Forbidden, NotFound
from candor.replay.model import Scope

router = APIRouter(tags=["audit"])

Number = Annotated[int, Path(ge=1, le=2**53)]


class Why(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=3, max_length=1000)


class Given(BaseModel):
    """What was kept elsewhere."""

    model_config = ConfigDict(extra="forbid")

    checkpoint: str | None = Field(None, max_length=65_536, description="A signed checkpoint, as it was written.")


def _whole_house(caller: Caller) -> None:
    """The log is of all teams: who sees one only sees none of it."""
    if caller.scope != Scope():
        raise Forbidden("The audit log is shown to those who see all conversations.", code="audit.scope")


@router.get("/audit/lines")
def get_lines(
    conversation_id: str | None = Query(None, max_length=36),
    actor: str | None = Query(None, max_length=64, description="A user's id, cli, or a part of Candor."),
    event: list[Event] = Query([]),
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    before: int | None = Query(None, ge=1, le=2**53, description="Lines before this number: the next page."),
    limit: int = Query(100, ge=1, le=1000),
    caller: Caller = needs(Right.AUDIT_READ),
) -> dict[str, Any]:
    """Lines, the newest first."""
    _whole_house(caller)
    wanted = Wanted(conversation_id=conversation_id, actor=actor, events=tuple(event), since=since, until=until)
    with caller.services.database.read() as uow:
        found = store.newest(uow, wanted, before=before, limit=limit)
    return {"lines": [plain(each) for each in found], "next_before": found[-1].number if len(found) == limit else None}


@router.get("/audit/lines/{number}/proof")
def get_proof(number: Number, caller: Caller = needs(Right.AUDIT_READ)) -> PlainTextResponse:
    """That the line stands in the log, under the newest checkpoint (C2SP tlog-proof); 404 before one covers it."""
    _whole_house(caller)
    log = caller.services.audit_log
    with log.database.read() as uow:
        return PlainTextResponse(str(log.prove(uow, number)))


@router.delete("/audit/lines/{number}/reason", status_code=204)
def erase_reason(number: Number, why: Why, caller: Caller = needs(Right.AUDIT_MANAGE)) -> None:
    """Erase the reason that a line gives, because it holds personal data; the line stays, and the log verifies."""
    _whole_house(caller)
    caller.services.audit_log.erase_reason(number, by=caller.principal.user_id, reason=why.reason)


@router.get("/audit/checkpoint")
def get_checkpoint(caller: Caller = needs(Right.AUDIT_READ)) -> PlainTextResponse:
    """The newest signed checkpoint (C2SP tlog-checkpoint); keep it elsewhere."""
    _whole_house(caller)
    with caller.services.database.read() as uow:
        signed = caller.services.audit_log.last(uow)
    if signed is None:
        raise NotFound("No checkpoint was signed yet.", code="audit.uncovered", advice="POST to this address.")
    return PlainTextResponse(signed.note)


@router.post("/audit/checkpoint", status_code=201)
def make_checkpoint(caller: Caller = needs(Right.AUDIT_MANAGE)) -> PlainTextResponse:
    """Sign where the log stands now."""
    _whole_house(caller)
    return PlainTextResponse(caller.services.audit_log.checkpoint().note, status_code=201)


@router.get("/audit/key")
def get_key(caller: Caller = needs(Right.AUDIT_READ)) -> PlainTextResponse:
    """The public key that checks checkpoints and proofs (C2SP verifier key)."""
    _whole_house(caller)
    return PlainTextResponse(f"{caller.services.audit_log.make_key()}\n")


@router.get("/audit/consistency")
def get_consistency(
    old: int = Query(ge=1, le=2**53), new: int = Query(ge=1, le=2**53), caller: Caller = needs(Right.AUDIT_READ)
) -> dict[str, Any]:
    """The proof that the first ``new`` lines begin with the first ``old`` (RFC 9162 section 2.1.4)."""
    _whole_house(caller)
    log = caller.services.audit_log
    with log.database.read() as uow:
        path = log.consistency(uow, old, new)
    return {"old": old, "new": new, "proof": [base64.b64encode(each).decode() for each in path]}


@router.post("/audit/verify")
def verify(given: Given, caller: Caller = needs(Right.AUDIT_READ)) -> dict[str, Any]:
    """Read the whole log and say whether it holds, against a checkpoint that was kept elsewhere when one is given.

    Whoever may have changed this machine may have changed this answer: to be certain, check an export on another.
    """
    _whole_house(caller)
    return plain_report(caller.services.audit_log.verify(given=given.checkpoint))


@router.get("/audit/export")
def export(caller: Caller = needs(Right.AUDIT_READ)) -> Response:
    """The whole log with a fresh checkpoint, as JSON Lines that verify on any machine."""
    _whole_house(caller)
    parts = caller.services.audit_log.export(by=caller.principal.user_id)
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"', "Cache-Control": "no-store"}
    return StreamingResponse(parts, media_type="application/jsonl", headers=headers)


@router.get("/audit/standing")
def standing(caller: Caller = needs(Right.AUDIT_READ)) -> dict[str, Any]:
    """How long the log is, and when it was signed last."""
    _whole_house(caller)
    with caller.services.database.read() as uow:
        found = caller.services.audit_log.standing(uow)
    last = found.last
    return {
        "log": found.name, "lines": found.size, "kept_elsewhere": found.elsewhere,
        "checkpoint": last and {"lines": last.checkpoint.size, "at": last.at and moment(last.at)},
    }  # fmt: skip

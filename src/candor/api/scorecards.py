"""Scorecards: versions, drafts, publication, simulations and rescoring."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.errors import NotFound
from candor.pipeline.rescoring import SAMPLE, Ask, job_of
from candor.pipeline.scorecards import Listed
from candor.scoring import store as scorecards
from candor.scoring.lifecycle import checking
from candor.scoring.lifecycle.store import Draft, Version
from candor.scoring.loader import load_scorecard

router = APIRouter(tags=["scorecards"])


class Text(BaseModel):
    """A scorecard as YAML."""

    model_config = ConfigDict(extra="forbid")

    yaml: str = Field(max_length=300_000)


class DraftText(Text):
    """A draft's new text."""

    revision: int | None = Field(None, description="The revision that was read; left out for a new draft.")


class Period(BaseModel):
    """Over which conversations."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = Field(None, description="Thirty days before the end when left out.")
    until: AwareDatetime | None = Field(None, description="Now when left out.")


class Simulation(Period):
    """What is to be simulated."""

    yaml: str | None = Field(None, max_length=300_000, description="Instead of the active version.")
    draft: bool = Field(False, description="The open draft instead of the active version.")
    sample: int = Field(SAMPLE, ge=1, le=1_000_000, description="At most so many conversations, drawn at random.")
    seed: int | None = Field(None, ge=0, lt=2**31, description="Draw the same conversations again.")


@router.get("/scorecards")
def list_scorecards(caller: Caller = needs(Right.QUALITY_READ)) -> dict[str, Any]:
    """Every scorecard with its versions and whether a draft is open."""
    with caller.services.database.read() as uow:
        return {"scorecards": [_listed(each) for each in caller.services.scorecards.listed(uow, caller.principal)]}


@router.post("/scorecards/check")
def check(given: Text, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Read a scorecard strictly and say what it would change; nothing is kept. A fault is a problem, 422."""
    card = load_scorecard(given.yaml)
    with caller.services.database.read() as uow:
        told = caller.services.scorecards.differences(uow, card)
    return {
        "id": card.id, "version": card.version, "title": card.title, "questions": len(card.questions),
        "changes": [str(each) for each in told],
    }  # fmt: skip


@router.post("/scorecards", status_code=201)
def publish_text(given: Text, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Publish a file; its version must be higher than any before it."""
    with caller.services.database.write() as uow:
        return _version(caller.services.scorecards.publish_text(uow, given.yaml, caller.principal))


@router.get("/scorecards/{scorecard_id}")
def get_scorecard(scorecard_id: str, caller: Caller = needs(Right.QUALITY_READ)) -> dict[str, Any]:
    """One scorecard with its versions."""
    with caller.services.database.read() as uow:
        return _listed(caller.services.scorecards.one(uow, scorecard_id, caller.principal))


@router.get("/scorecards/{scorecard_id}/versions/{number}")
def get_version(scorecard_id: str, number: int, caller: Caller = needs(Right.QUALITY_READ)) -> Response:
    """A published version as YAML."""
    with caller.services.database.read() as uow:
        found = caller.services.scorecards.one(uow, scorecard_id, caller.principal)
    text = next((each.yaml for each in found.versions if each.version == number), None)
    if text is None:
        raise NotFound("There is no such version of a scorecard.", code="scorecard.none")
    return Response(text, media_type="application/yaml; charset=utf-8")


@router.get("/scorecards/{scorecard_id}/draft")
def get_draft(scorecard_id: str, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """The open draft, with what keeps it from being published."""
    with caller.services.database.read() as uow:
        return _draft(caller, caller.services.scorecards.draft(uow, scorecard_id, caller.principal))


@router.put("/scorecards/{scorecard_id}/draft")
def put_draft(scorecard_id: str, given: DraftText, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Begin a draft, or put a text in its place; it may have faults. Changed meanwhile: a problem, 409."""
    with caller.services.database.write() as uow:
        made = caller.services.scorecards.take_in(uow, given.yaml, caller.principal, given.revision, scorecard_id)
        return _draft(caller, made)


@router.delete("/scorecards/{scorecard_id}/draft", status_code=204)
def delete_draft(scorecard_id: str, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> None:
    """Discard it."""
    with caller.services.database.write() as uow:
        caller.services.scorecards.discard(uow, scorecard_id, caller.principal)


@router.post("/scorecards/{scorecard_id}/draft/publish", status_code=201)
def publish_draft(scorecard_id: str, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Make the draft a version, and the one in use."""
    with caller.services.database.write() as uow:
        return _version(caller.services.scorecards.publish(uow, scorecard_id, caller.principal))


@router.post("/scorecards/{scorecard_id}/retire", status_code=204)
def retire(scorecard_id: str, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> None:
    """Use it no more."""
    with caller.services.database.write() as uow:
        caller.services.scorecards.retire(uow, scorecard_id, caller.principal)


@router.post("/scorecards/{scorecard_id}/versions/{number}/use", status_code=204)
def bring_back(scorecard_id: str, number: int, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> None:
    """Use a retired version again."""
    with caller.services.database.write() as uow:
        caller.services.scorecards.bring_back(uow, scorecard_id, number, caller.principal)


@router.post("/scorecards/{scorecard_id}/simulations", status_code=202)
def simulate(scorecard_id: str, given: Simulation, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """What a version, the draft or a text would have said of past conversations within reach; nothing is kept."""
    services = caller.services
    ask = Ask(since=given.since, until=given.until, sample=given.sample, seed=given.seed)
    with services.database.write() as uow:
        text = given.yaml or ""
        if given.draft:
            text = checking.as_yaml(services.scorecards.draft(uow, scorecard_id, caller.principal).data)
        card = load_scorecard(text) if text else scorecards.get_scorecard(uow, scorecard_id)
        if card.id != scorecard_id:
            raise NotFound("The text is of another scorecard.", code="scorecard.none")
        return job_of(services.rescoring.simulate(uow, card, text, ask, caller.principal))


@router.post("/scorecards/{scorecard_id}/rescorings", status_code=202)
def rescore(scorecard_id: str, given: Period, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Judge past conversations anew with the version in use."""
    ask = Ask(since=given.since, until=given.until)
    with caller.services.database.write() as uow:
        return job_of(caller.services.rescoring.rescore(uow, scorecard_id, ask, caller.principal))


@router.get("/rescorings/{job_id}")
def get_job(job_id: str, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """How far a simulation or rescoring is, and what came of it."""
    with caller.services.database.read() as uow:
        return job_of(caller.services.rescoring.job(uow, job_id, caller.principal))


@router.post("/rescorings/{job_id}/cancel")
def cancel(job_id: str, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Stop it; what was rescored stays."""
    with caller.services.database.write() as uow:
        return job_of(caller.services.rescoring.cancel(uow, job_id, caller.principal))


@router.post("/rescorings/{job_id}/retry", status_code=202)
def retry(job_id: str, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Judge what was set aside once more, as a job of its own."""
    with caller.services.database.write() as uow:
        return job_of(caller.services.rescoring.retry(uow, job_id, caller.principal))


def _listed(each: Listed) -> dict[str, Any]:
    return {
        "id": each.id, "title": each.title, "active": each.active.version if each.active else None,
        "versions": [_version(version) for version in each.versions],
        "draft": each.draft.revision if each.draft else None,
    }  # fmt: skip


def _version(each: Version) -> dict[str, Any]:
    return {
        "scorecard": each.scorecard, "version": each.version, "state": each.state.value,
        "published_at": each.published_at.isoformat(), "published_by": each.published_by,
        "changes": list(each.changes), "retired_at": _moment(each.retired_at), "retired_by": each.retired_by,
    }  # fmt: skip


def _draft(caller: Caller, draft: Draft) -> dict[str, Any]:
    checked = caller.services.scorecards.check(draft)
    return {
        "scorecard": draft.scorecard, "revision": draft.revision, "yaml": checking.as_yaml(draft.data),
        "changed_at": draft.changed_at.isoformat(), "changed_by": draft.changed_by,
        "faults": [{"part": fault.path, "message": fault.message} for fault in checked.faults],
    }  # fmt: skip


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()

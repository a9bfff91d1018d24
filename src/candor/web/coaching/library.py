"""The library: cards that play, filters, cutting a clip, playlists; and what the players of clips fetch."""

from __future__ import annotations

import io
from functools import partial

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.coaching.library import Wanted
from candor.coaching.model import ClipKind
from candor.errors import CandorError, InvalidInput, NotFound
from candor.pipeline.library import NewClip
from candor.web.coaching import common
from candor.web.i18n import N_, _
from candor.web.sound import part_begins, ranged
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/coaching/library"
_SHOWN = 60
_DONE = {
    "cut": N_("The clip is in the library."), "removed": N_("The clip is gone."), "listed": N_("The playlist is kept."),
    "unlisted": N_("The playlist is gone; its clips stay."),
}  # fmt: skip


@router.get(_AT)
def library(request: Request, visit: CurrentVisit) -> Response:
    """Cards, as the address filters them."""
    return _page(request, visit)


@router.post(_AT)
def cut(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Cut a clip of a conversation."""
    common.check(visit, Right.LIBRARY_MANAGE)

    def deed() -> None:
        kind = common.text(form, "kind")
        if kind not in set(ClipKind):
            raise InvalidInput(_("Say what it shows."), code="clip.kind")
        given = NewClip(
            conversation_id=common.text(form, "conversation", 36), start=common.seconds(common.text(form, "start")),
            end=common.seconds(common.text(form, "end")), kind=ClipKind(kind), title=common.text(form, "title", 200),
            why=common.text(form, "why"), tags=common.lines(form, "tags", ","),
            measures=common.ticked(form, "measure"), keep=form.get("keep") == "yes",
        )  # fmt: skip
        visit.services.library.add(given, visit.principal)

    return common.tried(deed, partial(_page, request, visit, form=common.kept(form)), _AT, "cut")


@router.post("/coaching/clips/{clip_id}/remove")
def remove(clip_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Take a clip away."""
    del form
    common.check(visit, Right.LIBRARY_MANAGE)
    visit.services.library.remove(clip_id, visit.principal)
    return common.done(_AT, "removed")


@router.post("/coaching/playlists")
def put_playlist(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Keep a playlist of the clips that are ticked."""
    common.check(visit, Right.LIBRARY_MANAGE)
    deed = partial(
        visit.services.library.put_playlist, common.text(form, "name", 120), common.text(form, "about"),
        common.ticked(form, "clip"), visit.principal,
    )  # fmt: skip
    return common.tried(deed, partial(_page, request, visit, form=common.kept(form)), _AT, "listed")


@router.post("/coaching/playlists/{playlist_id}/drop")
def drop_playlist(playlist_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Forget a playlist."""
    del form
    common.check(visit, Right.LIBRARY_MANAGE)
    visit.services.library.drop_playlist(playlist_id, visit.principal)
    return common.done(_AT, "unlisted")


@router.get("/coaching/clips/{clip_id}/audio")
def audio(clip_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The stretch's redacted sound, cut at this moment; ranges as for a whole call."""
    common.check(visit, *common.STAFF, Right.EVALUATION_ANSWER)
    services = visit.services
    with services.database.read() as uow:
        clip = services.library.clip(uow, clip_id, visit.principal)
        content = services.library.content(uow, clip)
    if content.sound is None:
        raise NotFound(_("This clip has no sound."), code="sound.none")
    if part_begins(request.headers.get("range")):
        services.library.played(clip, visit.principal)
    return ranged(request, io.BytesIO(content.sound), len(content.sound), "audio/flac")


@router.get("/coaching/clips/{clip_id}/peaks")
def peaks(clip_id: str, visit: CurrentVisit) -> Response:
    """The outline of the stretch."""
    common.check(visit, *common.STAFF, Right.EVALUATION_ANSWER)
    with visit.services.database.read() as uow:
        clip = visit.services.library.clip(uow, clip_id, visit.principal)
        found = visit.services.library.content(uow, clip).peaks.to_bytes()
    return Response(found, media_type="application/octet-stream")


def _page(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None
) -> Response:
    common.check(visit, *common.STAFF, Right.EVALUATION_ANSWER)
    params, found_library = request.query_params, visit.services.library
    kind, tag, key = params.get("kind", ""), params.get("tag", "")[:60], params.get("measure", "")[:200]
    with visit.services.database.read() as uow:
        playlists = found_library.playlists(uow)
        playlist = next((each for each in playlists if each.id == params.get("playlist")), None)
        wanted = Wanted(
            kinds=(ClipKind(kind),) if kind in set(ClipKind) else (), tag=tag or None, measures=(key,) if key else (),
            ids=playlist.clips if playlist else None,
        )  # fmt: skip
        clips = found_library.clips(uow, wanted, visit.principal)
        values = {
            "clips": common.shown(visit, uow, clips[:_SHOWN]), "tags": found_library.tags(uow),
            "known": common.measurables(visit, uow), "people": common.names(visit, uow),
        }  # fmt: skip
    return common.page(
        request, visit, "library.html", problem, form=form or {}, playlists=playlists, playlist=playlist, kind=kind,
        tag=tag, measure=key, kinds=tuple(ClipKind), more=max(len(clips) - _SHOWN, 0),
        copy_days=found_library.copy_days, conversation=params.get("conversation", "")[:36],
        at=params.get("start", "")[:12], until=params.get("end", "")[:12], noticed=common.noticed(request, _DONE),
        **values,
    )  # fmt: skip

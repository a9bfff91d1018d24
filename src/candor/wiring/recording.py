"""The recorder, what follows calls in progress, and what takes them in when they are over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from candor.capture.control import SOCKET
from candor.capture.files import Limits
from candor.capture.watch.reading import read_places
from candor.kit.database import UnitOfWork
from candor.pipeline.collector import Collector
from candor.pipeline.watching import Watcher
from candor.services import Services
from candor.settings import Settings
from candor.wiring.asking import recorder_client
from candor.wiring.consent import make_gate
from candor.wiring.keys import spool_keys

if TYPE_CHECKING:
    from candor.capture.process import RecorderProcess
    from candor.live.spotting import Spotter


def make_collector(settings: Settings, services: Services) -> Collector:
    """What makes conversations of the calls that the recorder finished."""
    keys = spool_keys(settings, services.shelf.vault.keys)
    return Collector(services.database, services.intake, settings.spool, keys, settings.region)


def make_watcher(settings: Settings, services: Services) -> Watcher:
    """What looks at the watched places."""

    def agents(uow: UnitOfWork) -> set[str] | None:
        return {user.agent_id for user in services.access.users(uow) if user.agent_id} or None

    places = read_places(settings.watch)
    return Watcher(services.database, services.intake, places, region=settings.region, agents=agents)


def make_recorder(settings: Settings) -> RecorderProcess:
    """The recorder of this machine. It opens no database: calls are kept in the spool while that is away."""
    from candor.capture.process import RecorderProcess, RecorderSettings  # noqa: PLC0415  this command alone

    keys = spool_keys(settings)
    return RecorderProcess(
        keys,
        RecorderSettings(
            spool=settings.spool, control=settings.data / "run" / SOCKET, host=settings.sip_host,
            port=settings.sip_port, tls_port=settings.sips_port, address=settings.public_address or settings.sip_host,
            rtp_ports=settings.rtp_ports, allow=settings.sip_allow,
            users={name: secret.get_secret_value() for name, secret in settings.sip_users.items()},
            digest=settings.sip_digest, media_from=settings.media_from, srtp=settings.srtp,
            certificate=settings.tls_certificate,
            client_ca=settings.tls_client_ca, agents=settings.agent_addresses, pause_keys=settings.pause_keys,
            resume_keys=settings.resume_keys, pause_phrases=len(settings.pause_phrases),
            objections=settings.hears_objections,
            longest_pause=settings.longest_pause, most_calls=settings.most_calls, drain_seconds=settings.drain_seconds,
            stream_port=settings.stream_port, stream_sources=settings.stream_sources,
            refuse_barred=settings.barred_calls == "refuse",
        ),
        make_gate(settings),
    )  # fmt: skip


def make_spotter(settings: Settings) -> Spotter:
    """What listens to calls in progress: for phrases that pause recording, and for objections to it."""
    from candor.live import objecting, pausing  # noqa: PLC0415  this command alone
    from candor.live.spotting import Listener, Spotter, wanted  # noqa: PLC0415
    from candor.live.tap import Tap  # noqa: PLC0415
    from candor.transcript.adapters import build_recogniser  # noqa: PLC0415
    from candor.transcript.adapters.silero import SileroVoiceDetector  # noqa: PLC0415
    from candor.wiring.opening import open_services  # noqa: PLC0415

    keys, recorder = spool_keys(settings), recorder_client(settings)
    listeners: list[Listener] = []
    vocabulary = pausing.wordings(settings.pause_phrases)
    if settings.pause_phrases:
        listeners.append(pausing.Pausing(settings.pause_phrases, recorder))
    if settings.hears_objections:
        languages = settings.announcement_languages
        listeners.append(objecting.Objecting(open_services(settings).consenting, languages))
        vocabulary += objecting.wordings(languages)
    folder = Path(settings.model) if settings.model and Path(settings.model).is_dir() else None
    recogniser = build_recogniser(
        settings.engine, beam=settings.beam, model=None if folder else settings.model, model_folder=folder,
        device=settings.device, vocabulary=vocabulary,
    )  # fmt: skip
    return Spotter(
        Tap(settings.spool, keys, wanted(listeners)), listeners, recogniser=recogniser,
        detector=SileroVoiceDetector(), recorder=recorder, language=None,
    )  # fmt: skip


def limits_of(settings: Settings) -> Limits:
    return Limits(bytes=settings.upload_limit, seconds=settings.longest_hours * 3600)

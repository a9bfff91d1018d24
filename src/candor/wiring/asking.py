"""How processes of this machine ask one another."""

from __future__ import annotations

from candor.capture.control import SOCKET, RecorderClient
from candor.settings import Settings


def recorder_client(settings: Settings) -> RecorderClient:
    """Asks the recorder of this machine."""
    return RecorderClient(settings.data / "run" / SOCKET)

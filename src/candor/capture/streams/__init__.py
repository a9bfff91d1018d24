"""Calls that come over WebSockets: Twilio Media Streams, its dialects (Telnyx, SignalWire, Plivo), Genesys AudioHook.

Enter: connections of senders that proved who they are. Leave: live calls with sound, pauses and gaps, by
:class:`~candor.capture.ports.Recorder`. Reading is pure (``media_streams``, ``audiohook``, ``signatures``,
``timeline``); ``server`` has the only socket.
"""

from candor.capture.streams.media_streams import Dialect, Track
from candor.capture.streams.server import StreamServer
from candor.capture.streams.sources import Limits, Observer, Proof, StreamSource

__all__ = ["Dialect", "Limits", "Observer", "Proof", "StreamServer", "StreamSource", "Track"]

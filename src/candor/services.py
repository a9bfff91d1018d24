"""Every room, opened: what wiring fills and the doors read.

It stands on a floor of its own, below the doors and above the rooms, so that pages, API and commands share one
record and no door imports another.
"""

from __future__ import annotations

from dataclasses import dataclass

from candor.access.service import Access
from candor.kit.database import Database
from candor.pipeline.desk import Desk
from candor.pipeline.intake import Intake
from candor.pipeline.scores import Scores
from candor.pipeline.shelf import Shelf
from candor.replay.service import Replay


@dataclass(frozen=True, kw_only=True)
class Services:
    """What a door may use."""

    database: Database
    access: Access
    replay: Replay
    desk: Desk
    scores: Scores
    intake: Intake
    shelf: Shelf
    upload_limit: int
    """Bytes of the largest recording that is taken."""
    https: bool
    """Whether people come by https (through a proxy): cookies are then marked Secure."""

"""The pages over a data folder, in a process that can be killed; run with the folder and a port."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from candor import wiring
from candor.kit import log
from candor.settings import Settings
from candor.web import create_web

if __name__ == "__main__":
    log.configure(json_lines=True, level="ERROR")
    services = wiring.open_services(Settings(data=Path(sys.argv[1]), recorder=False))
    uvicorn.run(create_web(services), host="127.0.0.1", port=int(sys.argv[2]), log_level="error", ws="none")

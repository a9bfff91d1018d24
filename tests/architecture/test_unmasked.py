"""Who may open what is not masked: every place in the code is listed here with its reason, and a new one fails."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "candor"
OPENS = re.compile(r"shelf\.(?:original|working|transcript|given_transcript)\(")
ALLOWED = {
    "pipeline/stages.py": "decodes, transcribes, proves and redacts: what comes out for people is masked",
    "pipeline/excising.py": "silences what may never be kept",
    "pipeline/revealing.py": "to who has the right, a reason and a leave that holds",
    "pipeline/evidence.py": "evidence packages, with a right of their own",
    "pipeline/subject_copy.py": "the copy for the person whose data it is, with third parties masked",
    "cli/capture.py": "the self-check hears the call that it placed itself",
}


def test_what_is_not_masked_is_opened_only_where_it_is_meant_to_be() -> None:
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if OPENS.search(path.read_text(encoding="utf-8"))
    }
    assert found <= set(ALLOWED), f"opens unmasked text or sound: {sorted(found - set(ALLOWED))}"
    assert "pipeline/revealing.py" in found, "the pattern finds nothing any more"


def test_no_door_opens_the_vault_itself() -> None:
    """Pages, API and commands go through replay and revealing; only keys and upkeep touch the vault."""
    for door in ("api", "web"):
        for path in (SOURCE / door).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"vault\.(?:open|read|look)\(", text), path

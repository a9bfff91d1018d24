"""Every string that people read goes through gettext; English is the source language.

``_`` translates now; ``N_`` only marks a string for the catalogue and is translated where it is shown.
"""

from __future__ import annotations

import gettext as _gettext
from pathlib import Path

_catalogue = _gettext.translation("candor", localedir=Path(__file__).parent / "locale", fallback=True)

gettext = _catalogue.gettext
ngettext = _catalogue.ngettext
_ = gettext


def N_(message: str) -> str:  # noqa: N802  the customary name of the marker
    """Mark ``message`` for translation without translating it."""
    return message

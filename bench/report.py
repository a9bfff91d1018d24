"""The one shape in which benchmarks speak."""

from __future__ import annotations

import json
import os
import platform


def emit(
    *,
    name: str,
    value: float,
    unit: str,
    n: int,
    reference: str,
    reference_value: float | None,
    size: str,
    **more: object,
) -> None:
    """Print one JSON line; ``ratio`` is value / reference_value."""
    ratio = None if not reference_value else round(value / reference_value, 4)
    print(
        json.dumps(
            {
                "name": name,
                "value": round(value, 4),
                "unit": unit,
                "n": n,
                "reference": reference,
                "reference_value": None if reference_value is None else round(reference_value, 4),
                "ratio": ratio,
                "size": size,
                "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
                **more,
            }
        ),
        flush=True,
    )

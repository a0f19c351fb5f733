"""Input of the benchmarks: made once, kept in `bench/data` (or VPCFLOW_BENCH), the same for the same numbers."""

from __future__ import annotations

import os
from pathlib import Path

from vpcflow.generate import Config, generate
from vpcflow.record.format import VERSIONS

ROOT = Path(os.environ.get("VPCFLOW_BENCH", Path(__file__).parent / "data"))


def made(name: str, *, records: int, files: int, version: int) -> list[Path]:
    """Return the objects of one set in their order; makes them when they are not there."""
    folder = ROOT / f"{name}-{records}-{files}"
    if not (folder / "complete").exists():
        print(f"making {folder.name} …", flush=True)
        generate(Config(out=folder, records=records, files=files, log_format=VERSIONS[version]))
        (folder / "complete").touch()
    return sorted(folder.rglob("*.log.gz"))

"""Golden cases of Insights: TOML files a person can read and write; VPCFLOW_GOLDEN=rewrite writes what is answered now.

title = "…"   query = '…'
input = "web-subnet"  (flow logs: `records/<name>.txt`)   or   events = '''a JSON object a line, newest first unless they have times'''
output = '''the head, then the rows, cells parted by " | "'''   or   error = '''what is said'''
plain = false: the plain evaluation does not know what this needs. [groups] and [tables]: other log groups (JSON lines) and lookup tables (CSV) by name.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "golden" / "insights"
REWRITE = os.environ.get("VPCFLOW_GOLDEN") == "rewrite"


@dataclass
class Case:
    """One file."""

    path: Path
    title: str
    query: str
    input: str = ""
    events: str = ""
    output: str | None = None
    error: str | None = None
    notes: str = ""
    plain: bool = True
    groups: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, list[dict[str, str]]]:
        """Events by log group; the one without a name is what is asked."""
        return {"": _lines(self.events)} | {name: _lines(text) for name, text in self.groups.items()}

    def write(self) -> None:
        """Write the file."""
        lines = [f"title = {_quoted(self.title)}", f"query = {_quoted(self.query)}"]
        lines += [f"input = {_quoted(self.input)}"] if self.input else []
        lines += [] if self.plain else ["plain = false"]
        for name in ("events", "output", "error", "notes"):
            value = getattr(self, name)
            if value:
                lines.append(f"{name} = '''\n{value.strip(chr(10))}\n'''")
        for table in ("groups", "tables"):
            if getattr(self, table):
                lines.append(f"\n[{table}]")
                lines += [
                    f"{json.dumps(name)} = '''\n{text.strip(chr(10))}\n'''"
                    for name, text in getattr(self, table).items()
                ]
        self.path.write_text("\n".join(lines) + "\n")


def _quoted(text: str) -> str:
    if "\n" in text:
        return f"'''\n{text}'''"
    return f"'{text}'" if "'" not in text else json.dumps(text, ensure_ascii=False)


def _lines(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def cases() -> list[Case]:
    """Return all cases, by their paths."""
    found = []
    for path in sorted(FOLDER.rglob("*.toml")):
        told = tomllib.loads(path.read_text())
        for name in ("output", "error", "notes"):
            if name in told:
                told[name] = told[name].strip("\n")
        found.append(Case(path, **told))
    return found


def squeezed(text: str) -> str:
    """Return text without blanks at the ends of lines, which editors take away."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")

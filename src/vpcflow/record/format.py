"""A flow log's format: which fields, in which order (``${version} ${account-id} …``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vpcflow.errors import FormatError
from vpcflow.record.fields import BY_COLUMN, FIELDS, TGW_FIELDS, VPC_FIELDS

_TOKEN = re.compile(r"\$\{([^${}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class LogFormat:
    """Field names in the order of a record's values; names that no registry has are kept as they are."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise FormatError("format.empty")
        seen: set[str] = set()
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise FormatError("format.bad_name", name=name[:64])
            if name in seen:
                raise FormatError("format.duplicate", name=name)
            seen.add(name)

    @classmethod
    def parse(cls, text: str) -> LogFormat:
        """Read a format as AWS's API writes it; FormatError names the place that is not ``${field}``."""
        names: list[str] = []
        place = 0
        for match in _TOKEN.finditer(text):
            if text[place : match.start()].strip(" "):
                break
            names.append(match.group(1))
            place = match.end()
        if rest := text[place:].strip(" "):
            raise FormatError("format.not_a_token", text=rest[:40], position=text.index(rest, place) + 1)
        return cls(tuple(names))

    @classmethod
    def from_header(cls, line: str) -> LogFormat | None:
        """Read a header line; None when the line is no header.

        A header has nothing but names, each once, and at least half of them are known. Column spellings (``account_id``) count.
        """
        tokens = line.split()
        if not tokens or not all(_NAME.fullmatch(token) for token in tokens):
            return None
        names = tuple(BY_COLUMN[token].name if token in BY_COLUMN else token for token in tokens)
        known = sum(name in FIELDS for name in names)
        return cls(names) if 2 * known >= len(names) and len(set(names)) == len(names) else None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names that no registry has."""
        return tuple(name for name in self.names if name not in FIELDS)

    @property
    def table(self) -> str:
        """The lake's table for records of this format."""
        fields = [FIELDS[name] for name in self.names if name in FIELDS]
        only_tgw = any("vpc" not in field.families for field in fields)
        return "transit_gateway_flow_logs" if only_tgw else "flow_logs"

    @property
    def version(self) -> int:
        """What ``${version}`` says in records of this format: the highest version among the fields, at least 2."""
        return max((FIELDS[name].version for name in self.names if name in FIELDS), default=2)

    def header(self) -> str:
        """Return the line that begins each file of this format."""
        return " ".join(self.names)

    def __str__(self) -> str:
        return " ".join(f"${{{name}}}" for name in self.names)


def _up_to(version: int) -> LogFormat:
    return LogFormat(tuple(field.name for field in VPC_FIELDS if field.version <= version))


DEFAULT: Final = _up_to(2)
"""The default format: version 2, 14 fields."""

TGW_DEFAULT: Final = LogFormat(tuple(field.name for field in TGW_FIELDS))
"""The transit gateway default format: version 6, 36 fields."""

VERSIONS: Final = {version: _up_to(version) for version in (2, 3, 4, 5, 7, 8, 9, 10, 11)}
"""All VPC fields up to a version; what ``--version 5`` means."""

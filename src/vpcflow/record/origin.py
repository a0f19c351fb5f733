"""What a source says of itself beside its records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpcflow.record.format import LogFormat


@dataclass(slots=True)
class Origin:
    """Filled while a source is read.

    kind: what was recognised (`record.kind.Name`; for JSON what its documents are: `subscription`, `firehose` …).
    formats: log formats met, in their order. log_group, log_stream, owner: only where one and the same in the whole source.
    """

    kind: str = ""
    formats: list[LogFormat] = field(default_factory=list)
    log_group: str = ""
    log_stream: str = ""
    owner: str = ""
    _mixed: set[str] = field(default_factory=set, repr=False)

    def saw(self, **names: object) -> None:
        """Note log_group, log_stream or owner as one part of the source has it; what differs from before becomes empty."""
        for name, value in names.items():
            if not isinstance(value, str) or not value or name in self._mixed:
                continue
            if getattr(self, name) in ("", value):
                setattr(self, name, value)
            else:
                self._mixed.add(name)
                setattr(self, name, "")

    def met(self, formats: list[LogFormat]) -> None:
        """Add formats that are not known yet."""
        self.formats.extend(log_format for log_format in formats if log_format not in self.formats)

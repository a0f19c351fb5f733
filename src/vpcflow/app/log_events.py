"""Sources that are kept as log events: the same objects under names that say so.

A file may be in the lake twice, as flow logs and as events of a log group; so an object's uri says which group it is kept in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vpcflow.record.log_events import Filing
    from vpcflow.types import Look, Looks, SourceObject


@dataclass(frozen=True, slots=True)
class Filed:
    """Objects and looks as a lake keeps them; without a *filing* they are what they are."""

    filing: Filing | None

    @property
    def _mark(self) -> str:
        return "" if self.filing is None else f"#log-group={self.filing.log_group}"

    def objects(self, found: Iterable[SourceObject]) -> Iterator[SourceObject]:
        """Yield the objects under the names that the lake keeps."""
        mark = self._mark
        return (replace(one, uri=f"{one.uri}{mark}") for one in found) if mark else iter(found)

    def looks(self, looks: Looks) -> Looks:
        """Return the lake's looks by the objects' own names."""
        mark = self._mark
        if not mark:
            return looks

        def marked(uris: Sequence[str]) -> Mapping[str, Look]:
            return {uri.removesuffix(mark): look for uri, look in looks([f"{uri}{mark}" for uri in uris]).items()}

        return marked

    def own(self, uri: str) -> str:
        """Return the object's own name."""
        return uri.removesuffix(self._mark) if self._mark else uri

"""What the user asked for, held against keys: what need not be downloaded, and what need not even be listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from vpcflow.record.layout import WINDOW_S, WRITE_TEST, parse, parse_folder
from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from vpcflow.record.layout import ObjectKey

MARGIN_S: Final = 900
"""How far a record may lie from the time in its object's name: ten minutes of aggregation, one of lateness, and slack."""

Reason = Literal["", "not_selected", "other_service", "write_test"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Accounts, regions and time of the records wanted; what a key does not say is taken.

    accounts, regions: as keys have them; None is all. time: of a record's `start`.
    any_log: other services' logs are wanted as well.
    """

    accounts: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    time: TimeRange = field(default_factory=TimeRange)
    any_log: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything is left out at all."""
        return self.accounts is not None or self.regions is not None or bool(self.time)

    def wants(self, key: str) -> bool:
        """Tell whether the object of *key* may hold a record that is asked for."""
        return not self.refuses(key)

    def refuses(self, key: str) -> Reason:
        """Say why the object of *key* is left out; empty when it is wanted."""
        if key.rpartition("/")[2] == WRITE_TEST:
            return "write_test"
        return self._refuses(parse(key))

    def may_hold(self, prefix: str) -> bool:
        """Tell whether any key under the folder *prefix* may be wanted."""
        return not self.refuses_under(prefix)

    def refuses_under(self, prefix: str) -> Reason:
        """Say why everything under the folder *prefix* is left out; empty when something may be wanted."""
        return self._refuses(parse_folder(prefix))

    def settled(self, prefix: str) -> bool:
        """Tell whether no folder below *prefix* could be left out: all of it is wanted, as far as folders can tell."""
        if not self:
            return True
        known = parse_folder(prefix)
        if known is None or known.region is None:  # the region comes last of what is no time, in every layout
            return False
        if not self.time:
            return True
        since, until = self._bounds()
        inside = known.start_s is not None and since < known.start_s and known.start_s + known.length_s < until
        return inside or known.length_s == 3600

    def _refuses(self, known: ObjectKey | None) -> Reason:
        if known is None:
            return ""
        if not known.is_flow_log and not self.any_log:
            return "other_service"
        if self.accounts is not None and known.account is not None and known.account not in self.accounts:
            return "not_selected"
        if self.regions is not None and known.region is not None and known.region not in self.regions:
            return "not_selected"
        return "" if self._in_time(known) else "not_selected"

    def _in_time(self, known: ObjectKey) -> bool:
        """A record ends in its object's window and starts before that, by `MARGIN_S` at most."""
        since, until = self._bounds()
        if known.time_s is not None:
            return known.time_s < until and known.time_s + WINDOW_S > since
        if known.start_s is not None:
            return known.start_s < until and known.start_s + known.length_s > since
        return True

    def _bounds(self) -> tuple[float, float]:
        """Return the times in names (s, exclusive) between which a wanted record may lie."""
        since, until = self.time.since, self.time.until
        return (
            float("-inf") if since is None else since - MARGIN_S,
            float("inf") if until is None else until + MARGIN_S,
        )

"""Where data is missing: SKIPDATA records say that AWS left records out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from vpcflow.analyze.plan import Scope, select

if TYPE_CHECKING:
    from vpcflow.analyze.plan import Asker


@dataclass(frozen=True, slots=True)
class Gap:
    """One interface with SKIPDATA. first_s, last_s: epoch seconds of the first window's start and the last one's end."""

    interface_id: str | None
    records: int
    first_s: int | None
    last_s: int | None

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Gaps:
    """The interfaces with most SKIPDATA, and how many there are."""

    worst: tuple[Gap, ...]
    interfaces: int
    records: int


def find(asker: Asker, *, limit: int) -> Gaps:
    """Ask which interfaces have SKIPDATA records."""
    plan = select(
        'SELECT interface_id, count(*) AS records, min(start) AS first_s, max("end") AS last_s, '
        "count(*) OVER () AS interfaces, CAST(sum(count(*)) OVER () AS BIGINT) AS total FROM flows "
        "WHERE log_status = 'SKIPDATA' GROUP BY 1",
        Scope(),
        asker.schema(),
    )
    rows = asker.ask(plan.order_by("records DESC", "interface_id ASC").limit(limit)).table().to_pylist()
    worst = tuple(Gap(row["interface_id"], row["records"], row["first_s"], row["last_s"]) for row in rows)
    return Gaps(worst, rows[0]["interfaces"] if rows else 0, rows[0]["total"] if rows else 0)

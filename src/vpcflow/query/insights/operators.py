"""Steps that SQL does not do: an Arrow table in, an Arrow table out, the same on every engine.

What comes before an operator is one SELECT (or several), what comes after reads the operator's rows as a table. Its input is
bounded by `most`, and whoever asked is told when there was more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from sqlglot import exp

    from vpcflow.query.insights.kinds import Kind
    from vpcflow.query.insights.records import Column


class Operator(Protocol):
    """One such step."""

    @property
    def most(self) -> int:
        """How many rows of each input it takes; the first ones in order are kept."""
        ...

    def columns(self, *given: Sequence[Column]) -> Sequence[tuple[str, Kind]]:
        """Return the names and kinds of what `run` gives, before anything is run. given: the columns of each input."""
        ...

    def run(self, *tables: pa.Table) -> pa.Table:
        """Return the rows. Columns, there and here, are named as the fields and of the kinds' types (`kinds.Kind.sql`)."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """SELECTs whose rows an operator gets, and the table its rows become. The last step of a plan has no operator.

    columns: for each SELECT what its columns are.
    """

    selects: tuple[exp.Query, ...]
    columns: tuple[tuple[Column, ...], ...]
    operator: Operator | None = None
    table: str = ""
    made: tuple[Column, ...] = ()


ROW = "x_row"
"""The column that keeps the order of an operator's rows."""

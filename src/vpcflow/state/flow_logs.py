"""Flow logs: what was created, how delivery of each goes, and which calls were answered before."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from vpcflow.record.format import LogFormat
from vpcflow.state.store import Part
from vpcflow.vpc.flow_logs import DeliveryStatus, DestinationOptions, FlowLog, TagFieldSpecification

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from vpcflow.state.store import State

PART: Final = Part(
    "flow_logs",
    (
        (
            """CREATE TABLE flow_logs (
               id TEXT PRIMARY KEY, number INTEGER NOT NULL, resource_id TEXT NOT NULL, resource_type TEXT NOT NULL,
               account TEXT NOT NULL, region TEXT NOT NULL, traffic_type TEXT, log_destination_type TEXT NOT NULL,
               log_destination TEXT NOT NULL, log_group_name TEXT NOT NULL, log_format TEXT NOT NULL,
               interval_s INTEGER NOT NULL, file_format TEXT NOT NULL, hive_compatible_partitions INTEGER NOT NULL,
               per_hour_partition INTEGER NOT NULL, tag_fields TEXT NOT NULL, tags TEXT NOT NULL,
               creation_time REAL NOT NULL, deliver_logs_permission_arn TEXT NOT NULL,
               deliver_cross_account_role TEXT NOT NULL, client_token TEXT NOT NULL,
               status TEXT, error_message TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT ''
               ) WITHOUT ROWID""",
            "CREATE INDEX flow_logs_of_resource ON flow_logs (resource_id)",
            """CREATE TABLE flow_log_calls (client_token TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL)
               WITHOUT ROWID""",
        ),
    ),
)

_COLUMNS: Final = (
    "id, resource_id, resource_type, account, region, traffic_type, log_destination_type, log_destination, log_group_name, "
    "log_format, interval_s, file_format, hive_compatible_partitions, per_hour_partition, tag_fields, tags, creation_time, "
    "deliver_logs_permission_arn, deliver_cross_account_role, client_token"
)
_PLACES: Final = ", ".join("?" * len(_COLUMNS.split(",")))


class FlowLogs:
    """All flow logs, in the order they were created."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> list[FlowLog]:
        """Return every flow log."""
        return [_flow_log(row) for row in self._state.rows(PART, f"SELECT {_COLUMNS} FROM flow_logs ORDER BY number")]

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Return how delivery goes, by flow log id."""
        found = self._state.rows(PART, "SELECT id, status, error_message, reason FROM flow_logs")
        return {flow_log_id: DeliveryStatus(*told) for flow_log_id, *told in found}

    def report(self, flow_log_id: str, status: DeliveryStatus) -> None:
        """Keep how delivery of one goes."""
        values = (status.status, status.error_message, status.reason, flow_log_id)
        with self._state.transaction(PART) as db:
            db.execute("UPDATE flow_logs SET status = ?, error_message = ?, reason = ? WHERE id = ?", values)

    def remove(self, ids: Sequence[str]) -> list[str]:
        """Forget flow logs; return the ids that were none."""
        with self._state.transaction(PART) as db:
            return [one for one in ids if not db.execute("DELETE FROM flow_logs WHERE id = ?", (one,)).rowcount]

    @contextlib.contextmanager
    def creating(self) -> Iterator[Creating]:
        """Begin a call that creates: what it finds stays true until the block ends, and all of it counts or nothing."""
        with self._state.transaction(PART) as db:
            yield Creating(db)


class Creating:
    """One CreateFlowLogs call in its transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def answered(self, client_token: str) -> tuple[str, str] | None:
        """Return request and answer of the call that had this token, None where there was none."""
        found = self._db.execute("SELECT request, answer FROM flow_log_calls WHERE client_token = ?", (client_token,))
        row: tuple[str, str] | None = found.fetchone()
        return row

    def remember(self, client_token: str, request: str, answer: str) -> None:
        """Keep an answer for the same call made again."""
        self._db.execute("INSERT INTO flow_log_calls VALUES (?, ?, ?)", (client_token, request, answer))

    def of_resource(self, resource_id: str) -> Iterator[FlowLog]:
        """Yield the flow logs of one resource."""
        sql = f"SELECT {_COLUMNS} FROM flow_logs WHERE resource_id = ? ORDER BY number"
        yield from map(_flow_log, self._db.execute(sql, (resource_id,)).fetchall())

    def add(self, flow_log: FlowLog) -> None:
        """Add a flow log."""
        sql = f"""INSERT INTO flow_logs (number, {_COLUMNS})
                  VALUES ((SELECT coalesce(max(number), 0) + 1 FROM flow_logs), {_PLACES})"""
        self._db.execute(sql, _row(flow_log))


def _row(one: FlowLog) -> tuple[object, ...]:
    options = one.options
    specifications = [[item.resource_type, list(item.tag_keys)] for item in one.tag_fields]
    return (
        one.id, one.resource_id, one.resource_type, one.account, one.region, one.traffic_type, one.log_destination_type,
        one.log_destination, one.log_group_name, str(one.log_format), one.interval_s, options.file_format,
        options.hive_compatible_partitions, options.per_hour_partition, json.dumps(specifications),
        json.dumps(dict(one.tags)), one.creation_time, one.deliver_logs_permission_arn, one.deliver_cross_account_role,
        one.client_token,
    )  # fmt: skip


def _flow_log(row: tuple[Any, ...]) -> FlowLog:
    (
        flow_log_id, resource_id, resource_type, account, region, traffic_type, destination_type, destination, group,
        log_format, interval_s, file_format, hive, hourly, tag_fields, tags, created, role, cross_role, token,
    ) = row  # fmt: skip
    return FlowLog(
        flow_log_id,
        resource_type,
        resource_id,
        account,
        region,
        traffic_type=traffic_type,
        log_destination_type=destination_type,
        log_destination=destination,
        log_group_name=group,
        log_format=LogFormat.parse(log_format),
        interval_s=interval_s,
        options=DestinationOptions(file_format, bool(hive), bool(hourly)),
        tag_fields=tuple(TagFieldSpecification(kind, tuple(keys)) for kind, keys in json.loads(tag_fields)),
        tags=json.loads(tags),
        creation_time=created,
        deliver_logs_permission_arn=role,
        deliver_cross_account_role=cross_role,
        client_token=token,
    )

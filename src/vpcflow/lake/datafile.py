"""Rows → sorted Parquet files, one a partition.

Strings travel dictionary-encoded, so sorting works on ranks of few values: partition, interface, source, destination and
start are packed into one 64-bit key where they fit (they nearly always do), which sorts three times faster than by columns.
research: sorted this way files are smallest, and Athena's own readers still prune by row group.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vpcflow.lake.ledger import FileEntry
from vpcflow.lake.partition import NO_HOUR, Partition, account_of, hours, region_of, times
from vpcflow.record.parquet import PLAIN_TAGS
from vpcflow.record.schema import ENCODED, LOG_EVENTS, arrow_type, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vpcflow.lake.lake import Writer

ROW_GROUP: Final = 32_768
"""Rows. Look-ups read whole row groups: at 128 k they take twice as long, and files are only 6 % smaller (decision 0003)."""
SORT_KEYS: Final = {
    "flow_logs": ("interface_id", "srcaddr", "dstaddr"),
    "transit_gateway_flow_logs": ("tgw_attachment_id", "srcaddr", "dstaddr"),
    LOG_EVENTS: ("log_group", "log_stream"),
}
"""Before the time, in this order; a table without one of them is sorted by the rest."""

_BLOOM: Final = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")
_DELTA: Final = ("start", "end", "x_event_time", "timestamp", "ingestion_time")
_TEXTS: Final = ("message",)
"""Strings of which hardly two are the same: no dictionary makes them smaller."""
_GROUP_BYTES: Final = 64 << 20
"""Of texts in a row group, so that a look-up among long ones needs no more memory."""
_PLAIN: Final = (
    *_DELTA, *_TEXTS, "srcport", "dstport", "packets", "bytes", "packets_lost_no_route", "packets_lost_blackhole",
    "packets_lost_mtu_exceeded", "packets_lost_ttl_expired",
)  # fmt: skip
_PRUNED: Final = (*_DELTA, *_BLOOM, "interface_id", "tgw_attachment_id", "log_group", "log_stream", "x_source")
_ACCOUNT, _REGION = "_account", "_region"


def combine(table: str, batches: list[pa.RecordBatch]) -> pa.Table:
    """Make one table of batches whose columns may differ: each string column with one dictionary, absent fields null."""
    names = in_order(table, {name for batch in batches for name in batch.schema.names})
    names += [name for name in (_ACCOUNT, _REGION) if name in batches[0].schema.names]
    columns = [_united(name, batches) for name in names]
    return pa.Table.from_arrays(columns, names=names)


def _united(name: str, batches: list[pa.RecordBatch]) -> pa.Array:
    kind = ENCODED if name in (_ACCOUNT, _REGION) else arrow_type(name)
    kind = ENCODED if is_encoded(name) else kind
    chunks = []
    for batch in batches:
        if name not in batch.schema.names:
            chunks.append(pa.nulls(batch.num_rows, kind))
            continue
        column = batch.column(name)
        chunks.append(column if column.type == kind else column.cast(kind))
    if len(chunks) == 1:
        return chunks[0]
    united = pa.chunked_array(chunks, kind)
    return (united.unify_dictionaries() if kind == ENCODED else united).combine_chunks()


def is_encoded(column: str) -> bool:
    """Tell whether a column travels as codes of its distinct values."""
    return column in (_ACCOUNT, _REGION) or (column not in _TEXTS and pa.types.is_string(arrow_type(column)))


def place(batch: pa.RecordBatch, account: str | None, region: str | None) -> pa.RecordBatch:
    """Add the account and region each row is filed under: those given (of the object's key), else the record's own."""
    for name, given, own, known in (
        (_ACCOUNT, account, "account_id", account_of),
        (_REGION, region, "region", region_of),
    ):
        if given is not None or own not in batch.schema.names:
            codes = pa.array(np.zeros(batch.num_rows, np.int32))
            column = pa.DictionaryArray.from_arrays(codes, pa.array([known(given)]))
        else:
            column = _mapped(batch.column(own), known)
        batch = batch.append_column(name, column)
    return batch


def _mapped(column: pa.Array, known: object) -> pa.Array:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = [known(value) for value in encoded.dictionary.to_pylist()]  # type: ignore[operator]
    texts = sorted({*values, known(None)})  # type: ignore[operator]
    codes = np.array([texts.index(value) for value in values] or [0], np.int32)
    missing = texts.index(known(None))  # type: ignore[operator]
    rows = encoded.indices.fill_null(-1).to_numpy()
    return pa.DictionaryArray.from_arrays(pa.array(np.where(rows < 0, missing, codes[rows]).astype(np.int32)), texts)


def write_sorted(table: str, rows: pa.Table, writer: Writer) -> Iterator[FileEntry]:
    """Write *rows* (from `combine`, placed) as one sorted file for each partition; yield its entry, not committed yet.

    Files lie in the writer's staging folder and are on disk for good when yielded.
    """
    when, known = times(rows)
    hour = hours(when, known)
    partition, parts = _partitions(table, rows, hour)
    order = _order(table, rows, partition, len(parts), when)
    data = rows.drop_columns([_ACCOUNT, _REGION])
    bounds = np.searchsorted(partition[order], np.arange(len(parts) + 1))
    for part, first, last in zip(parts, bounds[:-1], bounds[1:], strict=True):
        chosen = order[first:last]
        yield _write(part, data.take(pa.array(chosen)), when[chosen] if part.hour is not None else None, writer)


def _partitions(table: str, rows: pa.Table, hour: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[Partition]]:
    account, region = (_codes(rows[name]) for name in (_ACCOUNT, _REGION))
    accounts, regions = (_dictionary(rows[name]).to_pylist() for name in (_ACCOUNT, _REGION))
    low = int(hour.min())
    span = int(hour.max()) - low + 1
    code = (account * len(regions) + region) * span + (hour - low)
    distinct, numbers = _numbered(code, len(accounts) * len(regions) * span)
    parts = []
    for value in distinct.tolist():
        both, at = divmod(value, span)
        first, second = divmod(both, len(regions))
        at += low
        parts.append(Partition(table, accounts[first], regions[second], None if at == NO_HOUR else at))
    return numbers, parts


def _numbered(code: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct codes (all below *limit*), sorted, and each row's place among them."""
    if limit > 1 << 22:
        distinct, numbers = np.unique(code, return_inverse=True)
        return distinct, numbers.astype(np.int64)
    present = np.zeros(limit, bool)
    present[code] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[code]


def _order(
    table: str, rows: pa.Table, partition: NDArray[np.int64], parts: int, when: NDArray[np.int64]
) -> NDArray[np.int64]:
    ranks = [(partition, parts)]
    ranks += [_ranked(rows[name]) for name in SORT_KEYS[table] if name in rows.column_names]
    # Within one partition the hour is the same, so its seconds do for `start`; without a time there is nothing to sort by.
    ranks.append((when % 3600, 3600))
    if table == LOG_EVENTS:
        # Events of one second are told apart by their milliseconds, those of one millisecond by the order they came in.
        ranks.append((np.asarray(rows["timestamp"]) % 1000, 1000))
    bits = [max(1, int(count - 1).bit_length()) for _, count in ranks]
    if sum(bits) <= 63:
        key = np.zeros(len(partition), np.int64)
        for (values, _), width in zip(ranks, bits, strict=True):
            key = (key << width) | values
        return np.argsort(key, kind="stable" if table == LOG_EVENTS else None)
    return np.lexsort([values for values, _ in reversed(ranks)])


def _ranked(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], int]:
    """Rank each row's string among the distinct ones; null comes first."""
    dictionary = _dictionary(column)
    rank = np.empty(len(dictionary) + 1, np.int64)
    rank[np.asarray(pc.sort_indices(dictionary))] = np.arange(1, len(dictionary) + 1)
    rank[-1] = 0
    return rank[_codes(column)], len(dictionary) + 1


def _dictionary(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0).dictionary


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    indices = column.chunk(0).indices
    return np.asarray(indices.fill_null(-1)).astype(np.int64)


def _write(part: Partition, rows: pa.Table, when: NDArray[np.int64] | None, writer: Writer) -> FileEntry:
    name = writer.next_name()
    staging = writer.staging(name)
    path = str(writer.lake.root / staging)
    write_parquet(rows, path)
    writer.lake.sync(path)
    columns = rows.column_names
    source_ids, counts = np.unique(rows["x_source"].to_numpy(), return_counts=True)
    ends = pc.min_max(rows["end"]).as_py() if "end" in columns else {"min": None, "max": None}
    statuses = _counts(rows["log_status"]) if "log_status" in columns else {}
    return FileEntry(
        table=part.table,
        path=f"{part.folder}/{name}",
        staging=staging,
        partition=part.folder,
        account=part.account,
        region=part.region,
        hour=part.hour,
        rows=rows.num_rows,
        bytes=os.path.getsize(path),  # noqa: PTH202 - a string here
        time=(None, None) if when is None else (int(when.min()), int(when.max())),
        end=(ends["min"], ends["max"]),
        nodata=statuses.get("NODATA", 0),
        skipdata=statuses.get("SKIPDATA", 0),
        columns=tuple(columns),
        sources=dict(zip(source_ids.tolist(), counts.tolist(), strict=True)),
    )


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(column.cast(pa.string())).to_pylist()}


def write_parquet(rows: pa.Table, path: str) -> None:
    """Write rows as the lake keeps them: AWS's types, zstd, bloom filters on addresses, deltas for times.

    rows: string columns dictionary-encoded. Each row group gets dictionaries of just its own values: Arrow would write a
    dictionary whole into every row group, and turning codes back into strings first takes twice as long as all of this.
    """
    names = rows.column_names
    bloom = {name: {"ndv": _distinct(rows[name])} for name in _BLOOM if name in names}
    with pq.ParquetWriter(
        path,
        rows.schema,
        compression="zstd",
        compression_level=3,
        store_schema=False,
        # Ports and counts have too many values for dictionaries; sorted, they pack better plain.
        use_dictionary=[name for name in names if name not in _PLAIN],
        column_encoding={name: "DELTA_BINARY_PACKED" for name in _DELTA if name in names},
        # What rows are not sorted by has every value in every row group: its statistics leave out nothing.
        write_statistics=[name for name in _PRUNED if name in names],
        bloom_filter_options=bloom or None,
    ) as parquet:
        parquet.add_key_value_metadata(PLAIN_TAGS)
        group = _group_rows(rows)
        for batch in rows.combine_chunks().to_batches(max_chunksize=group):
            columns = [_own_values(column) for column in batch.columns]
            parquet.write_batch(pa.RecordBatch.from_arrays(columns, schema=rows.schema), row_group_size=group)


def _group_rows(rows: pa.Table) -> int:
    texts = sum(rows[name].nbytes for name in _TEXTS if name in rows.column_names)
    return ROW_GROUP if texts <= _GROUP_BYTES else max(1, min(ROW_GROUP, rows.num_rows * _GROUP_BYTES // texts))


def _own_values(column: pa.Array) -> pa.Array:
    """Cut a dictionary down to the values that the codes use."""
    if not pa.types.is_dictionary(column.type):
        return column
    codes = np.asarray(column.indices.fill_null(0))
    missing = np.asarray(column.is_null()) if column.null_count else None
    used = np.zeros(len(column.dictionary), bool)
    used[codes if missing is None else codes[~missing]] = True
    kept = np.flatnonzero(used)
    # Only the places of kept values are ever looked up, but for null rows, whose code is 0 and masked.
    place = np.zeros(max(1, len(used)), np.int32)
    place[kept] = np.arange(len(kept), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(place[codes], mask=missing), column.dictionary.take(pa.array(kept)))


def _distinct(column: pa.ChunkedArray) -> int:
    used = np.zeros(len(_dictionary(column)) + 1, bool)
    used[_codes(column)] = True
    return max(1, min(ROW_GROUP, int(used[:-1].sum())))

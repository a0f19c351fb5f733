"""The commands that look at rows before and after, evaluated slowly: the other half of `insights_plain`."""

from __future__ import annotations

import json
import math
from collections import Counter
from fnmatch import fnmatchcase

from query import insights_plain as plain
from query.insights_plain import Row, Time, number, real, run, text
from vpcflow.query.insights.syntax import Binary, Call


def value_of(state, row, field):
    return Row(state, row).value(field)


def numeric(value):
    value = real(value)
    return None if isinstance(value, (list, dict)) else number(value)


def columns(state):
    """Return the columns that are shown."""
    if state.display is not None:
        return list(state.display)
    return list(state.shown or state.default or ["@timestamp", "@message"])


def add(state, name, values):
    """Give each row a value that is shown."""
    if state.display is not None:
        state.display = [*state.display, *([] if name in state.display else [name])]
    else:
        state.shown = columns(state)
        if name not in state.shown:
            state.shown.append(name)
    for row, value in zip(state.rows, values, strict=True):
        row[name] = value
        if state.display is not None:
            row["·display"][name] = value


def shown_value(state, row, name):
    return row["·display"][name] if state.display is not None else row.get(name)


def _accum(state, stage):
    total, sums = None, []
    for row in state.rows:
        found = numeric(value_of(state, row, stage.field))
        if found is not None:
            total = found if total is None else total + found
        sums.append(total)
    add(state, (stage.name or stage.field).name, sums)


def _autoregress(state, stage):
    base = (stage.name or stage.field).name
    values = [value_of(state, row, stage.field) for row in state.rows]
    for back in range(stage.first, stage.last + 1):
        name = base if stage.name is not None and not stage.ranged else f"{base}_p{back}"
        add(state, name, [None] * min(back, len(values)) + values[: max(0, len(values) - back)])


def _filldown(state, stage):
    named = [field.name for field in stage.fields]
    everything = not (stage.fields or stage.patterns)
    named += [
        name
        for name in columns(state)
        if everything or any(fnmatchcase(name, pattern) for pattern in stage.patterns)
    ]  # fmt: skip
    known = {field.name: field for field in stage.fields}
    for name in dict.fromkeys(named):
        last, filled = None, []
        for row in state.rows:
            found = value_of(state, row, known[name]) if name in known else shown_value(state, row, name)
            last = found if found is not None else last
            filled.append(last)
        add(state, name, filled)


def _sessionize(state, stage):
    gap = 30 * 60_000 if stage.span is None else stage.span.number * plain.UNITS[stage.span.unit]
    by_identity = {}
    for row in state.rows:
        identity = tuple(text(value_of(state, row, field)) for field in stage.fields)
        if None not in identity and row.get("@timestamp") is not None:
            by_identity.setdefault(identity, []).append(row)
    sessions = []
    for identity, rows in by_identity.items():
        last = None
        for row in sorted(rows, key=lambda one: one["@timestamp"]):
            if last is None or row["@timestamp"] - last > gap:
                sessions.append((row["@timestamp"], identity, []))
            sessions[-1][2].append(id(row))
            last = row["@timestamp"]
    found = {row: place for place, session in enumerate(sorted(sessions), 1) for row in session[2]}
    add(state, stage.name.name, [found.get(id(row)) for row in state.rows])


def _quantile(numbers, share):
    ordered = sorted(numbers)
    place = share * (len(ordered) - 1)
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _outlier(state, stage):
    outside, told = set(), []
    for field in stage.fields:
        values = [value_of(state, row, field) for row in state.rows]
        numbers = [numeric(value) for value in values]
        known = [one for one in numbers if one is not None]
        low, high = (_quantile(known, share) for share in (0.25, 0.75)) if known else (0, 0)
        upper, lower = high + stage.factor * (high - low), low - stage.factor * (high - low)
        far = [one is not None and (one > upper or (stage.lower and one < lower)) for one in numbers]
        outside |= {place for place, is_far in enumerate(far) if is_far}
        bound = [upper if one is not None and one > upper else lower for one in numbers]
        told.append((field.name, [b if is_far else v for v, b, is_far in zip(values, bound, far, strict=True)], far))
    for name, clamped, far in told:
        if not stage.remove:
            add(state, name, clamped)
        if stage.mark:
            add(state, f"{name}_outlier", far)
    if stage.remove:
        state.rows = [row for place, row in enumerate(state.rows) if place not in outside]


def _spread(state, name, lists):
    """Make a row of each element."""
    made = []
    for row, elements in zip(state.rows, lists, strict=True):
        for element in elements:
            new = dict(row)
            if state.display is not None:
                new["·display"] = dict(row["·display"])
            made.append((new, element))
    state.rows = [row for row, _ in made]
    add(state, name, [element for _, element in made])


def _unnest(state, stage):
    values = [value_of(state, row, stage.field) for row in state.rows]
    _spread(state, stage.name.name, [value if isinstance(value, list) else [value] for value in values])


def _expand(state, stage):
    _spread(state, stage.field.name, [_elements(value_of(state, row, stage.field)) for row in state.rows])


def _elements(value):
    if isinstance(value, list):
        return list(value)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            found = json.loads(value)
        except ValueError:
            return [value]
        return found if isinstance(found, list) else [value]
    return [value]


def _count_frequent(state, stage):
    count = Counter()
    first = {}
    for row in state.rows:
        values = [value_of(state, row, field) for field in stage.fields]
        key = tuple(map(text, values))
        count[key] += 1
        first.setdefault(key, values)
    names = [field.name for field in stage.fields]
    made = [{**dict(zip(names, first[key], strict=True)), "_approxcount": n} for key, n in count.items()]
    for name in reversed(names):
        made.sort(key=lambda row, n=name: _group_key(row[n]))
    made.sort(key=lambda row: -row["_approxcount"])
    state.rows, state.after_stats, state.display, state.shown = made, True, None, []
    state.default = [*names, "_approxcount"]


def _group_key(value):
    value = real(value)
    if isinstance(value, (int, float)):
        return (0, value, "")
    return (2, 0, "") if value is None else (1, 0, text(value))


def _add_totals(state, stage):
    named = {field.name: field for field in stage.fields}
    names = list(named) or [name for name in columns(state) if not name.startswith("@")]
    totals = []
    for row in state.rows:
        values = [value_of(state, row, named[n]) if named else shown_value(state, row, n) for n in names]
        numbers = [numeric(value) for value in values if not isinstance(value, Time)]
        known = [one for one in numbers if one is not None]
        totals.append(sum(known) if known else None)
    if stage.row:
        add(state, stage.name.name, totals)
        names.append(stage.name.name)
    if stage.col:
        last = {}
        for name in columns(state):
            numbers = [numeric(shown_value(state, row, name)) for row in state.rows]
            known = [one for one in numbers if one is not None]
            last[name] = sum(known) if name in names and known else None
        made = [{name: shown_value(state, row, name) for name in columns(state)} for row in state.rows]
        state.default, state.shown, state.display = columns(state), [], None
        state.rows = [*made, last]


def _append_cols(state, stage):
    names, inner = run(stage.query, state.rows_of(stage.query), state)
    made = [{name: shown_value(state, row, name) for name in columns(state)} for row in state.rows[: stage.most]]
    mine = columns(state)
    for place, row in enumerate(made):
        for column, name in enumerate(names):
            if name not in mine:
                row[name] = inner[place][column] if place < len(inner) else None
            elif stage.override and place < len(inner):
                row[name] = inner[place][column]
    state.default, state.shown, state.display = [*mine, *(name for name in names if name not in mine)], [], None
    state.rows = made


_STATS = plain.COMMANDS["stats"]


def _stats(state, stage):
    _STATS(state, stage)
    binned = [item for item in stage.by if isinstance(item.expr, Call) and item.expr.key == "bin"]
    state.binned = (binned[0].name, *plain._period(binned[0].expr.arguments[0])) if binned else None
    state.grouped = [item.name for item in stage.by if item not in binned]
    state.numeric = [item.name for item in stage.items if isinstance(item.expr, Binary) or _counts(item.expr)]


def _counts(node):
    """Tell whether an aggregate is a number whatever it is of."""
    return isinstance(node, Call) and node.key in {
        "count", "sum", "avg", "count_distinct", "countdistinct", "pct", "stddev", "variance", "countovertime", "sumovertime",
    }  # fmt: skip


def _fill_missing(state, stage):
    name, size, unit = state.binned
    step = size * plain.UNITS[unit]
    times = [row[name] for row in state.rows if row[name] is not None]
    if not times:
        return
    combinations = {
        tuple(text(row[one]) for one in state.grouped): [row[one] for one in state.grouped] for row in state.rows
    }
    there = {(row[name], *(text(row[one]) for one in state.grouped)) for row in state.rows}
    fills = {fill.field.name: fill.value.value for fill in stage.fills} or dict.fromkeys(state.numeric, 0)
    rows = list(state.rows)
    for time in range(min(times), max(times) + 1, step):
        for key, values in combinations.items():
            if (time, *key) not in there:
                new = dict.fromkeys(columns(state)) | {name: Time(time)}
                rows.append(new | dict(zip(state.grouped, values, strict=True)) | fills)
    rows.sort(key=lambda row: row[name], reverse=times[0] > times[-1])
    state.rows = rows


plain.COMMANDS |= {
    "stats": _stats,
    "accum": _accum,
    "autoregress": _autoregress,
    "filldown": _filldown,
    "sessionize": _sessionize,
    "outlier": _outlier,
    "unnest": _unnest,
    "expand": _expand,
    "countFrequent": _count_frequent,
    "addtotals": _add_totals,
    "appendcols": _append_cols,
    "fillmissing": _fill_missing,
}

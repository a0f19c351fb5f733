"""Commands, one a file. The registry is `MODULES`; nothing else knows all of them.

How to add a command
====================

1. Write `commands/<noun>.py` with three things and a `COMMAND`:

   * a stage: `@dataclass(frozen=True, slots=True) class Accum(Stage)` with what the text said. Fields and expressions are kept as
     `syntax` nodes (never as plain texts), so that errors have places and mixed log groups know which fields are used
     (`compile.used_fields` walks the stage). The first parts are always `command, start, end`.
   * `def parse(parser, token)`: reads what follows the command's name (*token*) with `Parser`: `items()`, `item()`, `field()`,
     `names()`, `name()`, `expression()`, `period()`, `whole()`, `string()`, `regex()`, `literal()`, `inner_query()`,
     `accept(mark)`, `accept_word(word)`, `expect(…)`, `stage_ends`, and `fail("what was wanted")`, `refuse(code, token, …)` for
     errors. Stop where the stage ends; the parser checks that `|`, `)` or the end follows. Return
     `Accum("accum", token.start, parser.end, …)`.
   * `def compile(relation, stage)`: changes the `Relation` in place (or returns another). Read expressions with
     `Reading(relation)`: `.value(node)` gives a `kinds.Value` (SQL and kind), `.condition(node)` a condition, `.field(node)` a
     field. Turn values into what SQL needs with `kinds.text/number/real/integer/condition/scalar`. What a relation is made of:
       - `relation.where` — conditions to add; `relation.names[name] = Value(…)` (through `Reading.bind`) — a computed field;
       - `relation.shown` — the columns of the answer, in order; `relation.order` — keys of the current order (`relation.ranks`);
       - `relation.nest(…)` — close the SELECT: for window functions write
         `key = relation.compiler.fresh(); relation.nest(exp.alias_(window, key, quoted=True))` and give
         `Value(exp.column(key, quoted=True), kind)` a name. ALWAYS put `relation.order` into a window's ORDER BY: rows have no
         order of their own, and the order stays what it was unless you change `relation.order`;
       - `relation.records is None` — after `stats` (or an operator): only `relation.names` exist; `relation.event` is then False;
       - `relation.compiler` — `note(key, **values)`, `text` (the query's), `span` (the time asked about), `lookup_table(name)`,
         `attach(arrow_table)`, `subquery(query)`, `inner(query)`, `again(stages, span)` for another time,
         `operate(operator, (relation, [(name, Value), …]), …)`.
     `commands/dedup.py` and `commands/fields.py` are the shortest examples, `commands/stats.py` the longest.

2. A step that SQL does not do is an operator (`operators.py`): a class with `most` (rows it takes at most: say it in the
   command's text), `columns(*given)` (names and kinds of its output, known before anything runs) and `run(*tables)`: Arrow table in,
   Arrow table out, columns named as the fields. `compile` ends with `return relation.compiler.operate(MyOperator(…), (relation,
   wanted))`; stages after it read its rows like any others, in the order it gave them. No state, no I/O, no randomness.

3. Say in `COMMAND` how it is written, what it does (what is derived or approximate, limits), and give two examples or more; they
   run as tests, and the reference page is printed from them. Put the module's name into `MODULES`.

4. Errors are `parser.refuse("code", …)` or `malformed("code", compiler.text, start, end, …)`: texts `error.insights.<code>` in both
   catalogues, with a hint where there is a way on. Add golden cases to `tests/golden/insights/commands/<command>-*.toml`, its errors
   to `…/diagnostics/`, and the command to `tests/query/insights_plain.py`, so that random queries use it.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vpcflow.query.insights.commands.command import Command

MODULES: Final = (
    "fields", "display", "filter", "parse", "json_field", "stats", "sort", "limit", "dedup", "source", "filter_index",
    "unmask", "lookup", "cidrlookup", "join", "unnest", "expand", "accum", "autoregress", "filldown", "sessionize",
    "outlier", "count_frequent", "add_totals", "append_cols", "fill_missing",
    "pattern", "diff", "anomaly", "log_compare", "relevant_fields", "estimate",
)  # fmt: skip
"""The modules, in the order of the reference."""


@functools.cache
def all_commands() -> Mapping[str, Command]:
    """Return every command by its name."""
    found = (importlib.import_module(f"vpcflow.query.insights.commands.{name}").COMMAND for name in MODULES)
    return {command.name: command for command in found}


@functools.cache
def _by_word() -> Mapping[str, Command]:
    return {word.lower(): command for command in all_commands().values() for word in (command.name, *command.aliases)}


def find(word: str) -> Command | None:
    """Return the command of this name or alias, in any case."""
    return _by_word().get(word.lower())


def get(name: str) -> Command:
    """Return the command of a stage."""
    return all_commands()[name]


def names() -> list[str]:
    """Return every name and alias."""
    return [word for command in all_commands().values() for word in (command.name, *command.aliases)]

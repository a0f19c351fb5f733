"""Tables of a hand-written file, read key by key: every mistake is refused with its place."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Table:
    """One table of *file*. place: its name in the file. What was not asked for when `finish` is called is a mistake."""

    def __init__(self, file: str, place: str, values: object) -> None:
        self.file, self.place = file, place
        if not isinstance(values, dict):
            raise self.refusal("not_a_table", "", value=values)
        self._values: Mapping[str, object] = values
        self._asked: list[str] = []

    def refusal(self, problem: str, key: str, **values: object) -> ConfigError:
        """Return ConfigError ``network.<problem>`` for *key* here."""
        place = ".".join(filter(None, (self.place, key)))
        return ConfigError(f"network.{problem}", file=self.file, place=place, **values)

    def text(self, key: str, default: str = "") -> str:
        """Return a string."""
        found = self._get(key, default)
        if not isinstance(found, str):
            raise self.refusal("not_text", key, value=found)
        return found.strip()

    def required(self, key: str) -> str:
        """Return a string that must be there."""
        found = self.text(key)
        if not found:
            raise self.refusal("missing", key)
        return found

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of strings, one string being a list of one; None when the key is not there."""
        found = self._get(key, None)
        if found is None:
            return None
        if isinstance(found, str):
            return (found.strip(),)
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self.refusal("not_texts", key, value=found)
        return tuple(one.strip() for one in found)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        found = self._get(key, default)
        if not isinstance(found, bool):
            raise self.refusal("not_a_flag", key, value=found)
        return found

    def number(self, key: str) -> int:
        """Return a whole number, 0 when the key is not there."""
        found = self._get(key, 0)
        if not isinstance(found, int) or isinstance(found, bool) or found < 0:
            raise self.refusal("not_a_number", key, value=found)
        return found

    def map(self, key: str) -> dict[str, str]:
        """Return a table of strings."""
        table = self.table(key)
        found = {name: table.text(name) for name, _ in table.items()}
        table.finish()
        return found

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Yield name and table of each ``[key.name]``."""
        for name, values in self.table(key).items():
            yield name, Table(self.file, f"{key}.{name}", values)

    def items(self) -> Iterator[tuple[str, object]]:
        """Yield all keys and values."""
        yield from self._values.items()

    def table(self, key: str) -> Table:
        """Return a table; an empty one when the key is not there."""
        return Table(self.file, ".".join(filter(None, (self.place, key))), self._get(key, {}))

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, 1)
                known = ", ".join(self._asked)
                raise self.refusal("unknown_key_near" if near else "unknown_key", key, near="".join(near), known=known)

    def _get(self, key: str, default: object) -> object:
        self._asked.append(key)
        return self._values.get(key, default)

"""What this kernel's structures look like: offsets of members and numbers of enumerators, from its own type information.

Only what is asked for is looked at: one walk over the types (some 130,000) finds structures by name.
Source: the kernel's Documentation/bpf/btf.rst.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

_MAGIC: Final = 0xEB9F
_STRUCT, _UNION, _ENUM, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT = 4, 5, 6, 8, 9, 10, 11
_TAG: Final = 18
_WRAPPERS: Final = frozenset({_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TAG})
_FIXED: Final = {1: 4, 2: 0, 3: 12, 7: 0, 8: 0, 9: 0, 10: 0, 11: 0, 12: 0, 14: 4, 16: 0, 17: 4, 18: 0}
_EACH: Final = {_STRUCT: 12, _UNION: 12, _ENUM: 8, 13: 8, 15: 12, 19: 12}
"""Bytes that follow a type's head: always, and for each of its members."""

FOLDER: Final = Path("/sys/kernel/btf")


class NoTypesError(Exception):
    """The kernel tells nothing of its types, or not of one that is needed."""


class Types:
    """Types of the kernel (or of a module: with those of the kernel before it). Raises NoTypesError where there are none.

    data, words: types and names as they are stored. places: where each type begins. named: types by their name's place.
    """

    def __init__(self, data: bytes, base: Types | None = None) -> None:
        if len(data) < 24 or struct.unpack_from("<H", data)[0] != _MAGIC:
            raise NoTypesError("no type information")
        head, types_at, types_length, words_at, words_length = struct.unpack_from("<IIIII", data, 4)
        types = data[head + types_at : head + types_at + types_length]
        words = data[head + words_at : head + words_at + words_length]
        self.data: bytes = (base.data if base else b"") + types
        self.words: bytes = (base.words if base else b"") + words
        self.places: list[int] = list(base.places) if base else [-1]
        self.named: dict[int, list[int]] = {name: list(found) for name, found in base.named.items()} if base else {}
        at = len(self.data) - len(types)
        unpack = struct.Struct("<III").unpack_from
        while at < len(self.data):
            name, info, _ = unpack(self.data, at)
            kind = info >> 24 & 31
            if kind in (_STRUCT, _ENUM) and name:
                self.named.setdefault(name, []).append(len(self.places))
            self.places.append(at)
            at += 12 + (_FIXED[kind] if kind in _FIXED else _EACH[kind] * (info & 0xFFFF))

    @classmethod
    def of_kernel(cls) -> Types:
        """Read those of the kernel that runs."""
        return cls(_read("vmlinux"))

    def of_module(self, name: str) -> Types:
        """Return these with those of a module that is loaded."""
        return Types(_read(name), self)

    def _find(self, name: str, kind: int) -> int:
        wanted = b"\0" + name.encode() + b"\0"
        word = self.words.find(wanted) + 1
        while word:
            for number in self.named.get(word, ()):
                if self._head(number)[1] >> 24 & 31 == kind:
                    return number
            word = self.words.find(wanted, word) + 1
        raise NoTypesError(name)

    def _head(self, number: int) -> tuple[int, int, int]:
        name, info, size = struct.unpack_from("<III", self.data, self.places[number])
        return name, info, size

    def size(self, structure: str) -> int:
        """Return a structure's bytes."""
        return self._head(self._find(structure, _STRUCT))[2]

    def offset(self, structure: str, path: str) -> int:
        """Return a member's offset in bytes; *path* goes into structures (``tuple.src.u3``), through unnamed ones by itself."""
        at, number = 0, self._find(structure, _STRUCT)
        for member in path.split("."):
            found = self._member(number, member)
            if found is None:
                raise NoTypesError(f"{structure}.{path}")
            at, number = at + found[0], found[1]
        return at

    def _member(self, number: int, wanted: str) -> tuple[int, int] | None:
        number = self._bare(number)
        _, info, _ = self._head(number)
        if info >> 24 & 31 not in (_STRUCT, _UNION):
            return None
        for place in range(info & 0xFFFF):
            name, kind, bits = struct.unpack_from("<III", self.data, self.places[number] + 12 + 12 * place)
            offset = (bits & 0xFFFFFF if info >> 31 else bits) // 8
            if name and self._word(name) == wanted:
                return offset, kind
            if not name:
                inner = self._member(kind, wanted)
                if inner is not None:
                    return offset + inner[0], inner[1]
        return None

    def _bare(self, number: int) -> int:
        """Step over typedefs and qualifiers."""
        while True:
            _, info, target = self._head(number)
            if info >> 24 & 31 not in _WRAPPERS:
                return number
            number = target

    def _word(self, at: int) -> str:
        return self.words[at : self.words.index(b"\0", at)].decode()

    def enumerators(self, enumeration: str) -> dict[str, int]:
        """Return an enumeration's numbers by name."""
        number = self._find(enumeration, _ENUM)
        _, info, _ = self._head(number)
        pairs = (
            struct.unpack_from("<Ii", self.data, self.places[number] + 12 + 8 * place) for place in range(info & 0xFFFF)
        )
        return {self._word(name): value for name, value in pairs}


def _read(name: str) -> bytes:
    try:
        return (FOLDER / name).read_bytes()
    except OSError as error:
        raise NoTypesError(f"{FOLDER / name}: {error.strerror}") from error

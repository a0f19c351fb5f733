"""An object file as clang makes it for BPF: programs, the maps they name, where both meet.

The file comes with the package, so it is trusted to be one; what it lacks is a defect, and told as ValueError or KeyError.
Source: System V ABI, "Object files"; the kernel's Documentation/bpf/llvm_reloc.rst.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SYMBOLS, _RELOCATIONS = 2, 9
_BPF_MACHINE: Final = 247
_MAP_FD, _MAP_VALUE = 1, 2
"""What an instruction's source register says its number is: a map, or a place in a map's only value."""


class MapShape(NamedTuple):
    """What a map is made with."""

    kind: int
    key_size: int
    value_size: int
    max_entries: int


class _Section(NamedTuple):
    name: str
    kind: int
    data: bytes
    link: int
    info: int


class _Symbol(NamedTuple):
    name: str
    section: int
    value: int


@dataclass(frozen=True, slots=True)
class Object:
    """An object file. maps: by name. constants: bytes of its read-only data. licence: what the kernel is told."""

    maps: dict[str, MapShape]
    constants: bytes
    licence: bytes
    _sections: tuple[_Section, ...]

    @classmethod
    def read(cls, data: bytes) -> Object:
        """Read an object file."""
        if data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", data, 18)[0] != _BPF_MACHINE:
            raise ValueError("no BPF object")
        sections = tuple(_sections(data))
        named = {section.name: place for place, section in enumerate(sections)}
        maps = {
            symbol.name: MapShape(*struct.unpack_from("<4I", sections[symbol.section].data, symbol.value))
            for symbol in _symbols(sections)
            if symbol.section == named["maps"] and symbol.name
        }
        licence = sections[named["license"]].data.rstrip(b"\0")
        return cls(maps, sections[named[".rodata"]].data, licence, sections)

    def program(self, section: str, map_fd: Callable[[str], int], constants_fd: int) -> bytes:
        """Return a program's code with the maps that it names filled in."""
        (place,) = [number for number, found in enumerate(self._sections) if found.name == section]
        code = bytearray(self._sections[place].data)
        symbols = _symbols(self._sections)
        constants = [number for number, found in enumerate(self._sections) if found.name == ".rodata"]
        for table in self._sections:
            if table.kind != _RELOCATIONS or table.info != place:
                continue
            for offset, info in struct.iter_unpack("<QQ", table.data):
                symbol = symbols[info >> 32]
                if symbol.section in constants:
                    (addend,) = struct.unpack_from("<i", code, offset + 4)
                    _fill(code, offset, _MAP_VALUE, constants_fd, symbol.value + addend)
                else:
                    _fill(code, offset, _MAP_FD, map_fd(symbol.name), 0)
        return bytes(code)


def _fill(code: bytearray, offset: int, kind: int, number: int, second: int) -> None:
    """Write into a 16-byte "load 64 bits": its source register, and both its numbers."""
    code[offset + 1] = (code[offset + 1] & 0x0F) | kind << 4
    struct.pack_into("<i", code, offset + 4, number)
    struct.pack_into("<i", code, offset + 12, second)


def _sections(data: bytes) -> Iterator[_Section]:
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQII", data, start + number * size) for number in range(count)]
    words = data[headers[names][4] :]
    for name, kind, _, _, offset, length, link, info in headers:
        yield _Section(_text(words, name), kind, data[offset : offset + length], link, info)


def _symbols(sections: tuple[_Section, ...]) -> list[_Symbol]:
    (table,) = [section for section in sections if section.kind == _SYMBOLS]
    words = sections[table.link].data
    return [
        _Symbol(_text(words, name), section, value)
        for name, _, _, section, value, _ in struct.iter_unpack("<IBBHQQ", table.data)
    ]


def _text(words: bytes, at: int) -> str:
    return words[at : words.index(b"\0", at)].decode()

"""Settings: where each value comes from, and one frozen Config of them.

A flag beats the environment (``VPCFLOW_…``), that beats ``./vpcflow.toml``, that the user's file, that the default.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vpcflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FILE: Final = "vpcflow.toml"

_UNITS: Final = {"": 1, "b": 1, "k": 10**3, "kb": 10**3, "kib": 1 << 10, "m": 10**6, "mb": 10**6, "mib": 1 << 20,
                 "g": 10**9, "gb": 10**9, "gib": 1 << 30, "t": 10**12, "tb": 10**12, "tib": 1 << 40}  # fmt: skip


def size(text: str) -> int:
    """Read a number of bytes (``512MB``, ``1.5 GiB``); ValueError for anything else."""
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([a-zA-Z]{0,3})\s*", text)
    if match is None or match.group(2).lower() not in _UNITS:
        raise ValueError(text)
    return int(float(match.group(1)) * _UNITS[match.group(2).lower()])


def _memory(text: str) -> int:
    value = size(text)
    if value < 256 * 10**6:
        raise ValueError(text)
    return value


def _threads(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 256:
        raise ValueError(text)
    return value


def _yes(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError(text)


def _matching(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Its meaning is the text ``config.<key>``. A dot in its key: it stands in a table of the file."""

    key: str
    default: str
    read: Callable[[str], object]

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"VPCFLOW_{self.key.upper().replace('.', '_')}"


SETTINGS: Final = {
    setting.key: setting
    for setting in (
        Setting("lake", "./lake", str),
        Setting("memory", "1GB", _memory),
        Setting("threads", "", lambda text: _threads(text) if text else None),
        Setting("lang", "", _one_of("", "en", "ko")),
        Setting("color", "auto", _one_of("auto", "always", "never")),
        Setting("profile", "", str),
        Setting("bucket_region", "", str),
        Setting("aws_region", "", str),
        Setting("endpoint_url", "", str),
        Setting("no_sign_request", "false", _yes),
        Setting("state", "", str),
        Setting("cache", "", str),
        Setting("cache_size", "10GB", size),
        Setting("identity.account", "", _matching("([0-9]{12})?")),
        Setting("identity.region", "", _matching("[a-z0-9-]{0,32}")),
        Setting("identity.vpc", "", _matching("(vpc-[0-9a-z]{1,32})?")),
        Setting("identity.ec2_metadata", "false", _yes),
    )
}
"""All settings by key; the reference page and ``config show`` come from it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value as written, and where that was."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Config:
    """The values in force."""

    values: Mapping[str, Value]

    def get(self, key: str) -> object:
        """Return the value of *key*, read; ConfigError names key and origin when it cannot be."""
        setting, value = SETTINGS[key], self.values[key]
        try:
            return setting.read(value.text)
        except ValueError:
            raise ConfigError("config.bad_value", key=key, value=value.text, origin=value.origin) from None

    def text(self, key: str) -> str:
        """Return a setting that is a text."""
        return str(self.get(key))

    def number(self, key: str) -> int | None:
        """Return a setting that is a number, None where it is left open."""
        value = self.get(key)
        return value if isinstance(value, int) else None


def files(environ: Mapping[str, str]) -> list[Path]:
    """Return the files that are looked for, the strongest first."""
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    return [Path(FILE), Path(home) / "vpcflow" / FILE]


def load(
    flags: Mapping[str, str | None], environ: Mapping[str, str] | None = None, *, file: str | None = None
) -> Config:
    """Gather all values. ConfigError names a file that cannot be read, or a key that is none, with the near one.

    file: in place of ``./vpcflow.toml``; it must be there.
    """
    env = os.environ if environ is None else environ
    values = {key: Value(setting.default, "default") for key, setting in SETTINGS.items()}
    own, *others = files(env)
    for path in reversed(others if file else [own, *others]):
        if _is_there(path):
            values |= _from_file(path)
    if file:
        values |= _from_file(Path(file))
    for key, setting in SETTINGS.items():
        if setting.variable in env:
            values[key] = Value(env[setting.variable], setting.variable)
        if (given := flags.get(key)) is not None:
            values[key] = Value(given, f"--{key.rpartition('.')[2].replace('_', '-')}")
    return Config(values)


def _is_there(path: Path) -> bool:
    """Tell whether there is such a file; none is there for us in a folder that we may not enter, as the home of another user."""
    try:
        return path.is_file()
    except PermissionError:
        return False


def _from_file(path: Path) -> dict[str, Value]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError("config.bad_file", file=str(path), reason=str(error)) from error
    found: dict[str, Value] = {}
    for key, value in _flat(content):
        if key not in SETTINGS:
            near = difflib.get_close_matches(key, SETTINGS, 1)
            code = "config.unknown_key_near" if near else "config.unknown_key"
            raise ConfigError(code, key=key, file=str(path), near=near[0] if near else "")
        if not isinstance(value, (str, int, float)):
            raise ConfigError("config.bad_value", key=key, value=value, origin=str(path))
        found[key] = Value(str(value).lower() if isinstance(value, bool) else str(value), str(path))
    return found


def _flat(content: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield a file's keys and values, those of tables with the table's name before."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value

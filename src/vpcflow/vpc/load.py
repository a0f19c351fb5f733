"""Files that describe a network → Network: told apart by what is in them.

* `aws ec2 describe-…` as JSON: one answer a file, several in one file (one after another, in a list, or merged into one object)
* Terraform: `terraform show -json` of a state or a plan, or the state file
* CloudFormation templates, JSON or YAML
* TOML written by hand (`vpc/toml_file.py`)
* what `vpcflow network show -o json` printed

Several files are one network; a folder stands for its files.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import RecordError
from vpcflow.vpc import cloudformation, describe, json_form, terraform, toml_file
from vpcflow.vpc.document import LISTS, Documents, whole
from vpcflow.vpc.topology import Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SUFFIXES: Final = (".json", ".toml", ".yaml", ".yml", ".template", ".tfstate")
"""Of the files that are read in a folder."""

_SOMETHING: Final = re.compile(r"\S")
_MAX_BYTES: Final = 512 << 20
_MAX_FILES: Final = 10_000


def load(paths: Sequence[Path], given: Mapping[str, str] | None = None) -> Network:
    """Return what files and folders describe together. given: values of CloudFormation parameters.

    RecordError and ConfigError name the file, the place in it and what is wrong.
    """
    reading = _Reading(given or {})
    for path in _files(paths):
        reading.file(path)
    return reading.network()


def load_document(document: object, name: str, *, region: str = "") -> Network:
    """Return what one JSON document in memory describes (`{"Vpcs": […] …}`). region: of what it tells, if known."""
    reading = _Reading({}, region)
    reading.take(document, name)
    return reading.network()


def merged(networks: Iterable[Network]) -> Network:
    """Return networks as one; of what two describe, the later counts."""
    found = Network()
    for network in networks:
        values: dict[str, Any] = {}
        for part in fields(Network):
            before, after = getattr(found, part.name), getattr(network, part.name)
            if isinstance(after, dict):
                values[part.name] = {**before, **after}
            elif isinstance(after, tuple):
                values[part.name] = tuple(dict.fromkeys((*before, *after)))
            else:
                values[part.name] = after or before
        found = replace(found, **values)
    return found


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise RecordError("network.no_file", file=str(path))
            yield path
            continue
        inside = sorted(one for one in path.rglob("*") if one.is_file() and _wanted(one, path))
        if not inside:
            raise RecordError("network.empty_folder", file=str(path), suffixes=" ".join(SUFFIXES))
        if len(inside) > _MAX_FILES:
            raise RecordError("network.many_files", file=str(path), count=len(inside))
        yield from inside


def _wanted(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.name.removesuffix(".gz").endswith(SUFFIXES)


class _Reading:
    """Documents on their way to one network. given: values of CloudFormation parameters."""

    def __init__(self, given: Mapping[str, str], region: str = "") -> None:
        self._given = given
        self._documents = Documents(region=region)
        self._networks: list[Network] = []

    def network(self) -> Network:
        """Return what all that was taken describes."""
        described = [describe.network(self._documents)] if self._documents.told else []
        return merged([*described, *self._networks])

    def file(self, path: Path) -> None:
        """Take one file."""
        file, name = str(path), path.name.removesuffix(".gz")
        content = _content(path)
        if name.endswith(".toml"):
            self._networks.append(toml_file.parse(_text(content, file), file))
            return
        if not content.strip():
            raise RecordError("network.empty", file=file)
        if content.lstrip()[:1] in (b"{", b"["):
            for document in _json(_text(content, file), file):
                self.take(document, file)
            return
        from vpcflow.vpc import yaml_file  # noqa: PLC0415 - 15 ms that JSON need not pay

        found = yaml_file.load(content, file)
        if not isinstance(found, dict) or "Resources" not in found:
            raise RecordError("network.unknown_file", file=file)
        cloudformation.read(found, file, self._documents, self._given)

    def take(self, document: object, file: str) -> None:
        """Take one JSON document, whatever it is."""
        if isinstance(document, list) and all(isinstance(one, dict) for one in document):
            for one in document:
                self.take(one, file)
        elif not isinstance(document, dict):
            raise RecordError("network.unknown_file", file=file)
        elif json_form.KEY in document:
            self._networks.append(json_form.read(document, file))
        elif _is_terraform(document):
            terraform.read(document, file, self._documents)
        elif isinstance(document.get("Resources"), dict):
            cloudformation.read(document, file, self._documents, self._given)
        elif not _take_lists(document, file, self._documents):
            nested = [one for one in document.values() if isinstance(one, dict) and not LISTS.keys().isdisjoint(one)]
            if not nested:
                raise RecordError("network.unknown_file", file=file)
            for one in nested:
                _take_lists(one, file, self._documents)


def _content(path: Path) -> bytes:
    try:
        if path.name.endswith(".gz"):
            with gzip.open(path) as file:
                content = file.read(_MAX_BYTES + 1)
        else:
            with path.open("rb") as plain:
                content = plain.read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordError("network.unreadable", file=str(path), reason=reason) from error
    if len(content) > _MAX_BYTES:
        raise RecordError("network.too_large", file=str(path), size=_MAX_BYTES >> 20)
    return content


def _text(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError("network.not_utf8", file=file, byte=error.start) from error


def _json(text: str, file: str) -> Iterator[object]:
    """Yield the JSON values of a text, which may hold several, one after another."""
    decoder, place = json.JSONDecoder(), 0
    while True:
        found = _SOMETHING.search(text, place)
        if found is None:
            return
        try:
            value, place = decoder.raw_decode(text, found.start())
            if "\\ud" in text or "\\uD" in text:
                # Halves of characters (`\ud800`) are none that could be kept or shown.
                value = json.loads(whole(json.dumps(value, ensure_ascii=False)))
        except json.JSONDecodeError as error:
            raise RecordError(
                "network.not_json", file=file, line=error.lineno, column=error.colno, reason=error.msg
            ) from error
        except (RecursionError, ValueError) as error:
            raise RecordError("network.too_deep", file=file, place="") from error
        yield value


def _is_terraform(document: Mapping[str, Any]) -> bool:
    stored = isinstance(document.get("resources"), list) and "serial" in document
    return "terraform_version" in document or "format_version" in document or stored


def _take_lists(document: Mapping[str, Any], file: str, into: Documents) -> bool:
    """Take the lists of answers of the EC2 API; say whether there were any."""
    found = False
    for key in LISTS:
        if key not in document:
            continue
        found = True
        into.told.add(key)
        values = document[key]
        if not isinstance(values, list):
            raise RecordError("network.document.list", file=file, place=key, value=repr(values)[:80])
        for place, one in enumerate(values):
            told = one
            if key == "Entries" and isinstance(one, dict) and "PrefixListId" not in one:
                told = {**one, "PrefixListId": document.get("PrefixListId") or _prefix_list_in(file)}
            into.add(key, told, file, f"{key}[{place}]")
    return found


def _prefix_list_in(file: str) -> str:
    """Return the prefix list that a file's name tells; the answer with its entries does not."""
    found = re.search(r"pl-[0-9a-f]{8,17}", Path(file).name)
    if found is None:
        raise RecordError("network.which_prefix_list", file=file)
    return found[0]

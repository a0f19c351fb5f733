"""What the documentation says is so: pages equal the registries, examples run, outputs are real, links lead somewhere."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import get_args

import click
import pytest

from vpcflow import i18n
from vpcflow.cli import render
from vpcflow.cli.main import main, root
from vpcflow.config import SETTINGS
from vpcflow.query.filter import parse
from vpcflow.record import kind
from vpcflow.record.fields import FIELDS

HOME = Path(__file__).parents[1]
EXAMPLES = HOME / "examples" / "AWSLogs"
PAGES = sorted(
    path
    for path in (*HOME.glob("*.md"), *(HOME / "docs").rglob("*.md"), *(HOME / "examples").glob("*.md"))
    if path.is_file()
)
SHOWN = [HOME / "README.md", HOME / "README.ko.md", *sorted((HOME / "docs" / "tutorial").glob("*.md"))]
"""Pages whose outputs are compared."""

RUN = sorted((HOME / "docs" / "how-to").glob("*.md"))
"""Pages whose commands are only run."""

REWRITE = os.environ.get("VPCFLOW_GOLDEN") == "rewrite"
ELSEWHERE = re.compile(r"^(\$ )?vpcflow lab |s3://|tcpdump|cloudwatch:|--watch|--profile|/srv/|/var/")
"""Commands that need a network, another machine, or no end."""

MASKS = (
    (re.compile(r"\d+\.\d s\b"), "_ s"),
    (re.compile(r"[\d.,]+( [GM])?/s\b"), "_/s"),
    (re.compile(r"(^flow_logs: .*, )[\d.]+ \w+$", re.MULTILINE), r"\1_"),
)
"""What differs from run to run, or between processors: times, speeds, sizes of packed files."""


def _printer():
    spec = importlib.util.spec_from_file_location("print_reference", HOME / "docs" / "print_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _relative(path: Path) -> str:
    return str(path.relative_to(HOME))


# --- reference -----------------------------------------------------------------------------------------------------


def test_reference_pages_are_what_the_registries_print():
    printed = _printer().pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in (HOME / "docs" / "reference").glob("*.md")}
    assert set(there) == set(printed)
    for name, text in printed.items():
        assert there[name] == text, f"docs/reference/{name}: run make docs"


def test_every_kind_that_is_read_or_written_is_told():
    printer = _printer()
    assert set(printer.READS) == set(get_args(kind.Name))
    assert tuple(printer.WRITES) == render.KINDS


def test_the_filters_of_the_reference_page_are_filters():
    for text in _printer().FILTERS:
        assert parse(text) is not None


# --- every name has a text -----------------------------------------------------------------------------------------


def _commands(command: click.Command, ctx: click.Context):
    yield command, ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            yield from _commands(inner, click.Context(inner, info_name=name, parent=ctx, **inner.context_settings))


def _all_commands():
    return list(_commands(root, click.Context(root, info_name="vpcflow", **root.context_settings)))


@pytest.fixture(params=i18n.LANGUAGES)
def language(request):
    before = i18n.chosen()
    i18n.choose(request.param)
    yield request.param
    i18n.choose(before)


def test_every_command_and_option_has_a_text(language):
    seen = 0
    for command, ctx in _all_commands():
        assert len(command.get_help(ctx)) > 100, language
        for parameter in command.get_params(ctx):
            if isinstance(parameter, click.Option):
                _, text = parameter.get_help_record(ctx)
                assert text, f"{ctx.command_path} {parameter.name}"
                seen += 1
    assert seen > 50


def test_every_field_and_setting_has_a_text(language):
    texts = i18n.catalogue(language)
    assert all(texts[f"field.{field.column}"] for field in FIELDS.values())
    assert all(texts[f"config.{key}"] for key in SETTINGS)


def test_every_example_in_a_help_text_is_a_call_of_its_command():
    for command, ctx in _all_commands():
        if isinstance(command, click.Group) and ctx.parent is not None:
            continue
        assert len(command.examples) == 3, ctx.command_path
        for example in command.examples:
            words = shlex.split(re.sub(r"\s*>.*", "", example))
            words = words[words.index("vpcflow") + 1 :]
            found, place = root, click.Context(root, info_name="vpcflow", **root.context_settings)
            while isinstance(found, click.Group):
                name = words.pop(0)
                found = found.get_command(place, name)
                assert found is not None, example
                place = click.Context(found, info_name=name, parent=place)
            found.make_context(place.info_name, words, parent=place.parent)


# --- examples ------------------------------------------------------------------------------------------------------


class _Shell:
    """Runs the `vpcflow` lines of a page in this process, as on a terminal: stdout and stderr come out together."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(EXAMPLES.parent, folder / "examples")
        monkeypatch.chdir(folder)
        for name in [name for name in os.environ if name.startswith(("VPCFLOW_", "AWS_", "LC_"))]:
            monkeypatch.delenv(name)
        for name, value in {"NO_COLOR": "1", "HOME": str(folder), "COLUMNS": "100", "LANG": "C.UTF-8"}.items():
            monkeypatch.setenv(name, value)
        self._environment = monkeypatch

    def run(self, line: str) -> tuple[int, str]:
        """Return the exit code of *line* and what a terminal would show."""
        if line.startswith("export "):
            for word in shlex.split(line)[1:]:
                self._environment.setenv(*word.split("=", 1))
            return 0, ""
        words = shlex.split(line.replace("$PWD", str(Path.cwd())))
        files = {}
        for mark in ("<", ">"):
            if mark in words:
                place = words.index(mark)
                files[mark] = words[place + 1]
                del words[place : place + 2]
        assert words.pop(0) == "vpcflow", line
        screen = _Screen()
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(Path(files[">"]).open("wb")) if ">" in files else None
            given = stack.enter_context(Path(files["<"]).open("rb")) if "<" in files else io.BytesIO()
            stdout = screen.writer(terminal=True) if out is None else io.TextIOWrapper(out, encoding="utf-8")
            self._environment.setattr(sys, "stdout", stdout)
            self._environment.setattr(sys, "stderr", screen.writer(terminal=False))
            self._environment.setattr(sys, "stdin", io.TextIOWrapper(given, encoding="utf-8"))
            try:
                main(words)
            except SystemExit as end:
                code = end.code
            finally:
                stdout.flush()
        return code, screen.text()


class _Screen(io.RawIOBase):
    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece) -> int:
        self._bytes += bytes(piece)
        return len(piece)

    def writer(self, *, terminal: bool) -> io.TextIOWrapper:
        shown = _Terminal if terminal else io.TextIOWrapper
        return shown(io.BufferedWriter(self, 1), encoding="utf-8", write_through=True)

    def text(self) -> str:
        return self._bytes.decode()

    def close(self) -> None:
        """Two writers share it; either may go first."""


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shell(tmp_path, monkeypatch):
    before = i18n.chosen()
    yield _Shell(tmp_path, monkeypatch)
    monkeypatch.undo()
    i18n.choose(before)


def _masked(text: str) -> str:
    for pattern, mark in MASKS:
        text = pattern.sub(mark, text)
    return "\n".join(line.rstrip() for line in text.rstrip("\n").splitlines())


def _joined(lines: list[str]) -> list[str]:
    """Put continued lines together."""
    return "\n".join(lines).replace("\\\n", "").splitlines()


def _rewritten(block: list[str], shell: _Shell, page: Path) -> list[str]:
    """Return a console block with the outputs its commands have now, its own ones where only masked parts differ."""
    new: list[str] = []
    place = 0
    while place < len(block):
        line = block[place]
        assert line.startswith("$ "), f"{_relative(page)}: {line}"
        place += 1
        shown = []
        while place < len(block) and not block[place].startswith("$ "):
            shown.append(block[place])
            place += 1
        new.append(line)
        if not line.startswith(("$ vpcflow", "$ export ")) or ELSEWHERE.search(line):
            new += shown
            continue
        _, text = shell.run(line[2:])
        real = text.rstrip("\n").splitlines()
        gap = [""] if shown and shown[-1] == "" and place < len(block) else []
        same = _masked("\n".join(shown)) == _masked("\n".join(real))
        new += shown if same else [shown_line.rstrip() for shown_line in real] + gap
    return new


@pytest.mark.parametrize("page", SHOWN, ids=_relative)
def test_the_outputs_shown_are_the_real_ones(page, shell):
    text = page.read_text(encoding="utf-8")
    count = 0

    def again(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return "```console\n" + "\n".join(_rewritten(match.group(1).splitlines(), shell, page)) + "\n```"

    new = re.sub(r"^```console\n(.*?)\n```$", again, text, flags=re.MULTILINE | re.DOTALL)
    assert count, "a page of this kind shows at least one command"
    if REWRITE:
        page.write_text(new, encoding="utf-8")
    else:
        assert new == text, "run make golden, then read the diff"


@pytest.mark.parametrize("page", RUN, ids=_relative)
def test_the_commands_of_a_how_to_run(page, shell):
    ran = 0
    for block in re.findall(r"^```sh\n(.*?)\n```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in _joined(block.splitlines()):
            if line.startswith(("vpcflow", "export ")) and not ELSEWHERE.search(line):
                command = re.sub(r"\s+#.*", "", line)
                code, text = shell.run(command)
                assert code == 0, f"{command}\n{text}"
                ran += 1
    assert ran, "a how-to has at least one command that can be tried on the examples"


# --- pages ---------------------------------------------------------------------------------------------------------


def _anchors(path: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), f"{_relative(page)}: {target}"
        assert found.is_relative_to(HOME)
        if anchor:
            assert anchor in _anchors(found), f"{_relative(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_a_page_names_no_machine(page):
    found = re.findall(r"/home/\w+|/root\b|/work/|/Users/|/tmp/\S+|\blocalhost\b", page.read_text(encoding="utf-8"))
    assert found == []


def test_every_page_of_the_shelves_can_be_reached_from_the_readme():
    seen, waiting = set(), [HOME / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\((?!http)([^)\s#]+)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / target).resolve() for target in targets]
    assert {_relative(page) for page in (HOME / "docs").rglob("*.md")} <= {_relative(page) for page in seen}

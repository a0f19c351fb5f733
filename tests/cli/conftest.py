"""The command in this process, in a folder and an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from vpcflow import i18n
from vpcflow.app import App, Reading, Wanted
from vpcflow.cli.main import main
from vpcflow.config import load

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "AWSLogs"


@dataclass
class Ran:
    """What a call came to."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode()

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def json(self):
        return json.loads(self.data)

    def rows(self):
        return [json.loads(line) for line in self.lines]


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    """An empty folder to be in, a home without settings, no VPCFLOW_… variable, English."""
    for name in os.environ:
        if name.startswith(("VPCFLOW_", "LC_", "AWS_")) or name in ("LANG", "NO_COLOR", "XDG_CONFIG_HOME", "TERM"):
            monkeypatch.delenv(name)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield here
    i18n.choose("en")


@pytest.fixture
def run(capsysbinary):
    def call(*words):
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsysbinary.readouterr()
        return Ran(ended.value.code, out, err.decode())

    return call


@pytest.fixture(scope="session")
def _example_lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("cli") / "lake"
    app = App(load({"lake": str(root)}, {}))
    with app.lake(create=True) as lake:
        app.ingest(lake, [str(EXAMPLES)], Wanted(), Reading())
    return root


@pytest.fixture
def lake(_example_lake, monkeypatch):
    """The sample records as the lake that is asked; only for reading."""
    monkeypatch.setenv("VPCFLOW_LAKE", str(_example_lake))
    return _example_lake


@pytest.fixture
def own_lake(_example_lake, place):
    """The same as ./lake, for a test that changes it."""
    shutil.copytree(_example_lake, place / "lake")
    return place / "lake"

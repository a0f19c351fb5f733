"""Labs of tests: each in its own lake, so that several can be up at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vpcflow.lab.programs import find

HERE = Path(__file__).parent
_ROOM = "from vpcflow.lab.enclosure import enclose; enclose()"


def missing():
    """What a lab needs and this machine has not, in words; "" when it has all."""
    programs = [name for name in ("ip", "nft") if find(name) is None]
    if programs:
        return f"needs {', '.join(programs)}"
    tried = subprocess.run([sys.executable, "-c", _ROOM], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else "needs network namespaces: " + tried.stderr.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def lab_here():
    """Skip where no lab can be."""
    if lacking := missing():
        pytest.skip(lacking)


class Shell:
    """Runs the command in a process of its own. lake: the lab's; prefix: words before the command."""

    def __init__(self, lake, *, python=sys.executable, prefix=(), env=None):
        self.lake, self._python, self._prefix = lake, python, prefix
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VPCFLOW_", "LC_", "LANG"))}
        self._env = {**kept, "VPCFLOW_LAKE": str(lake), "HOME": str(lake.parent), "NO_COLOR": "1", **(env or {})}

    def start(self, *words, **options):
        command = [*self._prefix, self._python, "-m", "vpcflow", *map(str, words)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._env, cwd=self.lake.parent, **options
        )  # fmt: skip

    def run(self, *words, code=0):
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{words}: {process.returncode}\n{out}{err}"
        return out, err

    def records(self, where=None, fields=None):
        words = ["records", "-o", "jsonl", *(["-f", where] if where else []), *(["--fields", fields] if fields else [])]
        return [json.loads(line) for line in self.run(*words)[0].splitlines()]


@pytest.fixture(scope="module")
def lab(lab_here, tmp_path_factory):
    """The lab that comes with vpcflow, up, for the tests of one module."""
    shell = Shell(tmp_path_factory.mktemp("lab") / "lake")
    shell.run("lab", "up")
    yield shell
    shell.run("lab", "down")


def program(name, *words, timeout=300):
    """Run a program of this folder, which has its own namespaces; return the JSON it prints."""
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py"), *map(str, words)],
        capture_output=True, text=True, timeout=timeout, check=False, env=env,
    )  # fmt: skip
    assert done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])

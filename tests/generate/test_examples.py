"""The sample set in examples/ is what its README says, and can be made again by the commands there."""

import argparse
import gzip
import re
import shlex
from datetime import datetime
from pathlib import Path

import pytest

from vpcflow.generate import Config, generate
from vpcflow.generate.network import BRUTE_FORCE, PORT_SCANNER
from vpcflow.record.format import VERSIONS

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")


def commands():
    text = README.replace("\\\n", " ")
    return [shlex.split(line)[2:] for line in text.splitlines() if line.startswith("vpcflow generate ")]


def config_of(words, out):
    parser = argparse.ArgumentParser()
    for name in ("records", "files", "seed", "interfaces", "peers", "version"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("account", "region", "flow-log-id", "out"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--days", type=float)
    parser.add_argument("--start", type=lambda text: int(datetime.fromisoformat(text).timestamp()))
    options = vars(parser.parse_args(words))
    log_format = VERSIONS[options.pop("version")]
    return Config(**{**options, "log_format": log_format, "out": out})


def records():
    return {
        path.relative_to(EXAMPLES): gzip.decompress(path.read_bytes())
        for path in sorted((EXAMPLES / "AWSLogs").rglob("*.log.gz"))
    }


def test_the_commands_in_the_readme_make_the_same_files_again(tmp_path):
    for words in commands():
        generate(config_of(words, tmp_path))
    # Unpacked: the packed bytes may differ where another processor lets igzip find other repetitions.
    made = {path.relative_to(tmp_path): gzip.decompress(path.read_bytes()) for path in tmp_path.rglob("*.log.gz")}
    assert made == records()


def test_the_sample_set_is_small_and_nothing_else_lies_there():
    files = [path for path in (EXAMPLES / "AWSLogs").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 400_000
    assert {path.suffix for path in files} == {".gz"}
    assert 10_000 <= sum(text.count(b"\n") - 1 for text in records().values()) <= 20_000


@pytest.mark.parametrize("account", ["123456789012", "210987654321"])
def test_the_planted_findings_are_in_each_account(account):
    lines = [
        line.decode() for path, text in records().items() if path.parts[1] == account for line in text.splitlines()[1:]
    ]
    guesses = [line for line in lines if re.search(rf" {BRUTE_FORCE} 10\.\S+ ", line)]
    probes = [line for line in lines if re.search(rf" {PORT_SCANNER} 10\.\S+ ", line)]
    assert sum(" REJECT " in line for line in guesses) >= 10
    assert sum(" ACCEPT " in line for line in guesses) >= 2
    assert sum(" REJECT " in line for line in probes) >= 20
    assert sum(" ACCEPT " in line for line in probes) == 2
    inside = [line for line in lines if " REJECT " in line and re.search(r" 10\.\S+ 10\.\S+ ", line)]
    assert len(inside) >= 5
    assert len({line.split()[3] for line in inside}) == 1

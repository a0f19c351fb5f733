"""`vpcflow doctor` on capturing, with fewer and fewer privileges; and the services that have just enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from capture.network import needs
from vpcflow.capture.privilege import NAMES, NEEDED

UNITS = sorted((Path(__file__).parent.parent.parent / "deploy").glob("*.service"))
ALL = "-all,+net_raw,+bpf,+perfmon"


def doctor(capabilities, *user, path=os.environ["PATH"]):
    needs("setpriv")
    words = ["env", "HOME=/", f"PATH={path}", shutil.which("setpriv"), *user]
    words += ["--bounding-set", capabilities, "--inh-caps", capabilities]
    words += ["--ambient-caps", capabilities] if user else []
    words += [sys.executable, "-m", "vpcflow"]
    if subprocess.run([*words, "--version"], capture_output=True, check=False, cwd="/").returncode:
        pytest.skip("needs an installation that others may read")
    ran = subprocess.run([*words, "doctor"], capture_output=True, text=True, check=False, cwd="/")
    assert ran.returncode in (0, 3), ran.stderr
    return ran.stdout[ran.stdout.index(" capture: ") - 1 :]


NOBODY = ("--reuid", "65534", "--regid", "65534", "--clear-groups")


def test_three_capabilities_make_it_well():
    assert doctor(ALL, *NOBODY).startswith("✓ capture: by eBPF, with ACCEPT and REJECT")


@pytest.mark.parametrize(
    ("capabilities", "said"),
    [
        ("-all,+net_raw,+bpf", "by eBPF, but without ACCEPT and REJECT: CAP_PERFMON is missing"),
        ("-all,+net_raw", "by AF_PACKET alone, without ACCEPT and REJECT: CAP_BPF, CAP_PERFMON are missing"),
        ("-all", "nothing can be captured: CAP_NET_RAW, CAP_BPF, CAP_PERFMON are missing"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_mends_it(capabilities, said):
    told = doctor(capabilities, *NOBODY)
    assert told.startswith(f"! capture: {said}")
    assert re.search(r"→ sudo (systemd-run|setpriv) .* capture --all-interfaces", told)
    assert "setcap" not in told
    assert "take CAP_NET_ADMIN" in told or "address translation" not in told


def test_the_command_that_mends_it_does(tmp_path):
    """The way with setpriv, which needs no systemd."""
    told = doctor("-all", *NOBODY, path="/no/programs")
    (words,) = re.findall(r"→ sudo (.*) capture --all-interfaces", told)
    ran = subprocess.run(f"HOME=/ {words} doctor", shell=True, capture_output=True, text=True, check=False, cwd="/")
    assert "capture: by eBPF, with ACCEPT and REJECT" in ran.stdout


def test_root_in_a_container_is_told_its_options():
    told = doctor("-all,+net_raw")
    assert "→ run the container with --cap-add=BPF --cap-add=PERFMON" in told


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_service_has_just_the_three(unit):
    text = unit.read_text()
    wanted = {NAMES[number] for number in NEEDED}
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        (line,) = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
        assert set(line.split()) == wanted
    assert "NoNewPrivileges=yes" in text
    assert not re.search(r"^User=root$", text, re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_with_a_service(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    # What it starts, and the user it runs as, are not installed here.
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", unit.read_text(), flags=re.MULTILINE)
    (tmp_path / unit.name).write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit.name], capture_output=True, text=True, check=False
    )
    mine = [line for line in ran.stderr.splitlines() if unit.name in line]
    assert mine == []

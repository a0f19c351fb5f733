"""A lab ends with whoever holds it, leaves nothing behind, needs no root, and says what it lacks."""

from __future__ import annotations

import os
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import vpcflow
from lab.conftest import Shell
from vpcflow.app import App
from vpcflow.app import lab as labs
from vpcflow.config import load
from vpcflow.errors import ConfigError
from vpcflow.lab import enclosure, programs
from vpcflow.lab.home import Home

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(lab_here, tmp_path):
    found = Shell(tmp_path / "lake")
    yield found
    found.run("lab", "down")


def folder(shell):
    return shell.lake / "_vpcflow" / "lab"


def keeper(shell):
    return int((folder(shell) / "keeper").read_text())


def processes(shell):
    """Numbers of all processes that a lab of this lake has: its keeper and what descends from it or its enclosure."""
    mine = set()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment = (place / "environ").read_bytes()
        except OSError:
            continue
        if str(shell.lake).encode() in environment:
            mine.add(int(place.name))
    return mine - {os.getpid()}


def gone(shell):
    until = time.monotonic() + 10
    while (left := processes(shell)) and time.monotonic() < until:
        time.sleep(0.05)
    return not left


def test_a_lab_that_is_down_leaves_nothing_but_its_lake(shell):
    before = sorted(os.listdir("/sys/class/net"))
    shell.run("lab", "up")
    assert sorted(os.listdir("/sys/class/net")) == before
    assert len(processes(shell)) == 2
    out, _ = shell.run("lab", "down")
    assert out == "lab is down\n"
    assert gone(shell)
    assert not folder(shell).exists()
    assert shell.run("lab", "down")[0] == "no lab was up\n"


@pytest.mark.parametrize("victim", ["keeper", "enclosure"])
def test_killed_it_takes_everything_with_it_and_the_next_one_starts_clean(shell, victim):
    shell.run("lab", "up")
    running = shell.start("lab", "exec", "web", "--", "sleep", "60")
    wait_for(lambda: len(processes(shell)) >= 4)
    alone = keeper(shell)
    inside = processes(shell) - {alone, running.pid}
    os.kill({"keeper": alone, "enclosure": min(inside)}[victim], signal.SIGKILL)
    running.wait(10)
    running.communicate()
    assert gone(shell)
    shell.run("lab", "status", code=3)
    shell.run("lab", "up")
    shell.run("lab", "exec", "web", "--", "true")


def wait_for(true):
    until = time.monotonic() + 10
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    assert true()


@pytest.mark.parametrize("after_s", [0.4, 0.8])
def test_an_up_that_is_killed_leaves_a_lab_or_none_and_never_half_of_one(shell, after_s):
    starting = shell.start("lab", "up")
    time.sleep(after_s)
    starting.kill()
    starting.communicate()
    until = time.monotonic() + 15
    while time.monotonic() < until:
        left = processes(shell)
        if not left or (len(left) == 2 and folder(shell).joinpath("socket").exists()):
            break
        time.sleep(0.05)
    shell.run("lab", "down")
    assert gone(shell)
    shell.run("lab", "up")


def test_traffic_that_nobody_waits_for_ends(shell):
    shell.run("lab", "up")
    waiting = shell.start("lab", "traffic", "outbound-reject")
    wait_for(lambda: len(processes(shell)) >= 4)
    waiting.kill()
    waiting.communicate()
    wait_for(lambda: len(processes(shell)) == 2)
    out, _ = shell.run("lab", "traffic", "outbound-reject")
    assert "refused" in out


def test_a_lab_whose_rules_somebody_removed_says_so_and_can_be_mended(shell):
    shell.run("lab", "up")
    shell.run(
        "lab", "exec", "router", "--", "nft", "delete", "table", "inet", "vpc", code=3
    )  # its records cannot be had
    _, err = shell.run("lab", "status")
    assert "counters cannot be read" in err
    shell.run("lab", "up")
    shell.run("lab", "exec", "web", "--", "true")


def test_a_keeper_that_hangs_is_ended(shell, monkeypatch):
    shell.run("lab", "up")
    os.kill(keeper(shell), signal.SIGSTOP)
    monkeypatch.setattr(labs, "_PATIENCE_S", 0.2)
    assert labs.down(App(load({"lake": str(shell.lake)}, {})))
    assert gone(shell)


def test_a_network_that_cannot_be_built_leaves_nothing(shell, tmp_path):
    file = tmp_path / "mine.toml"
    text = "[vpc]\ncidr = ['10.0.0.0/16']\n[subnet.s]\ncidr = ['10.0.1.0/24']\n"
    file.write_text(text)
    _, err = shell.run("lab", "up", file, code=3)
    assert "no interfaces" in err
    assert gone(shell)
    assert not folder(shell).exists()


def test_two_labs_of_two_lakes_are_up_at_once(shell, tmp_path):
    other = Shell(tmp_path / "other")
    shell.run("lab", "up")
    other.run("lab", "up")
    other.run("lab", "exec", "web", "--", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_default_ttl")
    other.run("lab", "down")
    out, _ = shell.run("lab", "exec", "web", "--", "cat", "/proc/sys/net/ipv4/ip_default_ttl")
    assert out == "64\n"


@pytest.fixture
def home_of_nobody():
    """A folder that no privilege is needed to reach, as pytest's are."""
    with tempfile.TemporaryDirectory(prefix="nobody-") as folder:
        os.chmod(folder, 0o755)
        home = Path(folder) / "home"
        home.mkdir()
        if os.geteuid() == 0:
            os.chown(home, 65534, 65534)
        yield home


def test_it_needs_no_root_and_no_privilege(lab_here, home_of_nobody):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv, to become somebody without privileges")
    python = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    nobody = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
    ]  # fmt: skip
    paths = os.pathsep.join([str(Path(vpcflow.__file__).parents[1]), *site.getsitepackages()])
    probe = [*nobody, python, "-c", "import vpcflow, pyarrow"]
    if subprocess.run(probe, env={"PYTHONPATH": paths}, check=False, capture_output=True).returncode:
        pytest.skip(f"needs {python}, and packages that everybody may read")
    shell = Shell(home_of_nobody / "lake", python=python, prefix=nobody, env={"PYTHONPATH": paths})
    shell.run("lab", "up")
    try:
        out, _ = shell.run("lab", "traffic", "outbound-reply-reject", "nat")
        assert "2 refused" in out
        out, _ = shell.run("lab", "exec", "web", "--", "id", "-u")
        assert out == "0\n"
        assert {row["x_layer"] for row in shell.records("action = REJECT", "x_layer")} == {"network-acl"}
    finally:
        shell.run("lab", "down")
    assert gone(shell)


def test_missing_programs_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(programs, "find", lambda name: None if name in ("nft", "ip") else name)
    with pytest.raises(ConfigError) as raised:
        programs.check()
    assert raised.value.hint == "sudo apt-get install -y iproute2 nftables"


def test_a_system_that_gives_no_namespaces_is_told_with_the_command_that_changes_it(monkeypatch, tmp_path):
    setting = tmp_path / "setting"
    setting.write_text("0\n")

    def refused(_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(enclosure.linux, "unshare", refused)
    monkeypatch.setattr(enclosure, "_SWITCHES", ((str(setting), "0", "kernel.unprivileged_userns_clone=1"),))
    with pytest.raises(ConfigError) as raised:
        enclosure.enclose()
    assert raised.value.exit_code == 3
    assert raised.value.hint == "sudo sysctl -w kernel.unprivileged_userns_clone=1"


@pytest.mark.parametrize("mode", [0o702, 0o720])
def test_a_home_that_others_may_write_in_is_not_believed(tmp_path, mode):
    home = Home(tmp_path / "lab")
    home.path.mkdir()
    home.path.chmod(mode)
    for use in (home.take, home.connect):
        with pytest.raises(ConfigError) as raised:
            use()
        assert raised.value.code == "lab.not_yours"


def test_a_home_is_taken_once(tmp_path):
    home = Home(tmp_path / "lab")
    handle = home.take()
    try:
        assert home.is_alive()
        with pytest.raises(ConfigError):
            Home(tmp_path / "lab").take()
        with pytest.raises(ConfigError):
            home.clean()
    finally:
        os.close(handle)
    assert home.clean()
    assert not home.path.exists()

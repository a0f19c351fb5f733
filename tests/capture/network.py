"""Network namespaces with a wire between them, made for a test and gone after it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from vpcflow.capture import privilege

_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def needs(*programs, capabilities=(privilege.NET_ADMIN, privilege.NET_RAW, privilege.BPF, privilege.PERFMON)):
    """Skip the test, by name of what is missing."""
    lacking = [name for name in programs if shutil.which(name) is None]
    names = {privilege.NET_ADMIN: "CAP_NET_ADMIN", **privilege.NAMES}
    have = privilege.held()
    lacking += [names[number] for number in capabilities if number not in have]
    if os.geteuid() != 0:
        lacking.append("root")
    if lacking:
        pytest.skip(f"needs {', '.join(lacking)}")


def run(*words, **how):
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True, **how)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr}"
    return done


class Namespace:
    """A network namespace. Its name carries the number of the process that made it."""

    def __init__(self, word):
        self.name = f"vpcflow-{os.getpid()}-{word}"
        run("ip", "netns", "add", self.name)
        self.run("sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0")
        self.run(
            "sysctl -qw net.ipv6.conf.default.router_solicitations=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
        )
        self.run("ip link set lo up")

    def run(self, line, given=None):
        return run("ip", "netns", "exec", self.name, *line.split(), input=given).stdout

    def ip(self, *lines):
        for line in lines:
            self.run(f"ip {line}")

    def nft(self, rules):
        self.run("nft -f -", given=rules.replace("}", "}\n"))  # nft wants a line's end there

    @contextlib.contextmanager
    def entered(self):
        """Be in it, with this thread."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            assert _libc.setns(there.fileno(), _NEWNET) == 0
            try:
                yield self
            finally:
                assert _libc.setns(home.fileno(), _NEWNET) == 0

    def socket(self, *kind):
        with self.entered():
            return socket.socket(*kind)

    def popen(self, *words, **how):
        return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, words)], **how)

    def close(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)


def remove_left_over():
    """Remove namespaces of processes that were killed before they could."""
    folder = Path("/run/netns")
    for path in folder.glob("vpcflow-*-*") if folder.is_dir() else ():
        owner = path.name.split("-")[1]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            subprocess.run(["ip", "netns", "delete", path.name], check=False, capture_output=True)


class Wire:
    """Two hosts: a (10.9.0.1, fd09::1, interface va) and b (10.9.0.2, fd09::2, interface vb)."""

    def __init__(self):
        self.a, self.b = Namespace("a"), Namespace("b")
        run("ip", "link", "add", "va", "netns", self.a.name, "type", "veth", "peer", "name", "vb", "netns", self.b.name)
        for number, (host, name) in enumerate(((self.a, "va"), (self.b, "vb")), start=1):
            host.ip(
                f"addr add 10.9.0.{number}/24 dev {name}",
                f"addr add fd09::{number}/64 dev {name}",
                f"link set {name} up",
            )
        macs = [
            host.run(f"cat /sys/class/net/{name}/address").strip() for host, name in ((self.a, "va"), (self.b, "vb"))
        ]
        self.macs = macs
        self.a.ip(f"neigh replace 10.9.0.2 lladdr {macs[1]} dev va", f"neigh replace fd09::2 lladdr {macs[1]} dev va")
        self.b.ip(f"neigh replace 10.9.0.1 lladdr {macs[0]} dev vb", f"neigh replace fd09::1 lladdr {macs[0]} dev vb")

    def frames(self, host, name, *frames):
        """Send frames as they are."""
        with host.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind((name, 0))
            for frame in frames:
                raw.send(frame)

    def close(self):
        self.a.close()
        self.b.close()

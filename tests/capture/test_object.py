"""The committed object is what its source makes, and the loader knows what the source says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vpcflow.capture.ebpf import tap
from vpcflow.capture.ebpf.elf import Object
from vpcflow.capture.ebpf.settings import OFFSETS, TUPLES
from vpcflow.capture.reasons import REASONS

HOME = Path(__file__).parent.parent.parent
FOLDER = HOME / "src/vpcflow/capture/ebpf"
SOURCE = (FOLDER / "flow.bpf.c").read_text()
OBJECT = Object.read((FOLDER / "flow.bpf.o").read_bytes())


def test_the_pinned_compiler_makes_the_same_bytes(tmp_path):
    script = HOME / "tools/ebpf"
    (pinned,) = re.findall(r"^CLANG_VERSION=(.*)$", script.read_text(), re.MULTILINE)
    if shutil.which("clang") is None:
        pytest.skip(f"needs clang {pinned}")
    found = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True).stdout
    if f"version {pinned}" not in found:
        pytest.skip(f"needs clang {pinned}, there is {found.splitlines()[0]}")
    subprocess.run(["sh", script, tmp_path / "made.o"], check=True)
    assert (tmp_path / "made.o").read_bytes() == (FOLDER / "flow.bpf.o").read_bytes(), "run make ebpf"


def test_the_kernel_is_told_the_licence_that_the_source_states():
    assert OBJECT.licence == b"Dual BSD/GPL"
    assert '"Dual BSD/GPL"' in SOURCE.split("#define")[0]
    assert SOURCE.startswith("// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only")


def test_settings_are_told_in_the_order_of_the_source():
    (listed,) = re.findall(r"enum setting \{(.*?)\};", SOURCE, re.DOTALL)
    names = re.findall(r"^\t([A-Z_]+)", listed, re.MULTILINE)
    places = names[names.index("SKB_DEV") : -1]
    assert names[: names.index("SKB_DEV")] == ["INTERVAL_NS", "KEEP_ND", "CHOSEN_ONLY", "NETNS", "MARKS", "REASONS"]
    assert len(places) == len(OFFSETS) + len(TUPLES)
    assert len(OBJECT.constants) == 8 * (5 + 4 + len(places))
    words = {
        "_skb_refdst": "DST",
        "__sk_common.skc_net.net": "NET",
        "nd_net.net": "NET",
        "ns.inum": "INUM",
        "skb_iif": "IIF",
    }
    for name, (_, member) in zip(places, OFFSETS, strict=False):
        assert name.endswith(words.get(member, member.strip("_").upper())), (name, member)


def test_rows_are_laid_out_as_in_the_source():
    assert OBJECT.maps["flow_table"].key_size == tap.KEY.itemsize
    assert OBJECT.maps["drop_table"].key_size == tap.DROP_KEY.itemsize
    assert OBJECT.maps["flow_table"].value_size == OBJECT.maps["drop_table"].value_size == tap.COUNT.itemsize


def test_reasons_have_the_numbers_of_the_source():
    (listed,) = re.findall(r"enum reason \{(.*?)\};", SOURCE, re.DOTALL)
    number = 0
    for word in listed.split(","):
        name, _, given = word.strip().partition(" = ")
        number = int(given) if given else number
        if number:
            assert REASONS[number] == name.lower()
        number += 1


def test_what_is_no_object_is_refused():
    with pytest.raises(ValueError, match="no BPF object"):
        Object.read(b"\x7fELF\x01\x01" + bytes(100))

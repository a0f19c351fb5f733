"""The command as a process: terminals, pipes, signals."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from cli.logs import HEADER, line, write
from vpcflow.cli.render import Harmless, bar, width
from vpcflow.cli.shown import printable

VPCFLOW = (sys.executable, "-m", "vpcflow")
COLOR = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "eni-\x1b[31m\x07\x9b2J\x85\u202e\x7f"


def on_a_terminal(*words, **environment):
    """Run the command with a terminal as its stdout; return exit code, what the terminal got, and stderr."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*VPCFLOW, *words],
        stdout=slave,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(slave)
    shown = b""
    while True:
        if not select.select([master], [], [], 30)[0]:
            process.kill()
            break
        try:
            piece = os.read(master, 65_536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    _, err = process.communicate(timeout=30)
    return process.returncode, shown.decode().replace("\r\n", "\n"), err.decode()


def test_a_terminal_gets_a_table_with_colours(lake):
    code, shown, _ = on_a_terminal("records", "-f", "action = REJECT", "-n", "2")
    assert code == 0
    assert "\x1b[31m✕ REJECT\x1b[0m" in shown
    assert COLOR.sub("", shown).splitlines()[0].startswith("start (UTC)")


def test_no_color_is_obeyed(lake):
    assert COLOR.search(on_a_terminal("records", "-n", "1", NO_COLOR="1")[1]) is None


def test_binary_forms_are_kept_from_a_terminal(lake):
    code, shown, err = on_a_terminal("records", "-o", "parquet")
    assert code == 2
    assert shown == ""
    assert "vpcflow … -o parquet > flows.parquet" in err


@pytest.mark.parametrize("kind", ["text", "jsonl", "csv"])
def test_a_terminal_obeys_nothing_in_a_record(place, kind):
    write(place / "log", line(interface_id=HOSTILE))
    code, shown, _ = on_a_terminal("records", "--from", "log", "-o", kind)
    assert code == 0
    assert "eni-" in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)


@pytest.mark.parametrize(
    "words",
    [["records"], ["records", "-o", "wide"], ["top", "interface-id"], ["denied", "--by", "interface-id"]],
    ids=" ".join,
)
def test_tables_show_no_control_characters_wherever_they_go(run, place, words):
    write(place / "log", *(line(n, interface_id=HOSTILE, action="REJECT") for n in range(3)))
    ran = run(*words, "--from", "log", *(() if "-o" in words else ("-o", "table")))
    assert ran.code == 0
    assert "eni-\N{REPLACEMENT CHARACTER}[31m" in ran.out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", ran.out)


def test_messages_show_no_control_characters(run, place):
    (place / "a\x1b[2Jb").write_text(f"{HEADER}\n2 \x1b[31mtoo\x07 few\n{line()}\n")
    ran = run("records", "--from", "a\x1b[2Jb")
    assert ran.code == 0
    assert "bad line" in ran.err
    assert run("records", "--from", "no\x1b[2Jfile").code == 5
    for told in (ran, run("records", "--from", "no\x1b[2Jfile"), run("records", "--fields", "\x1b[2J"), run("\x1b[2J")):
        assert told.err
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", told.err)


def test_a_pipe_gets_the_bytes_as_they_are(run, place):
    write(place / "log", line(interface_id="eni-\x1b[31m"))
    assert "eni-\x1b[31m" in run("records", "--from", "log").out


def test_harmless_leaves_text_alone():
    class Kept:
        data = b""

        def write(self, data):
            self.data += data

    kept = Kept()
    given = "a\tb\nc é 한글 ✓ \N{NO-BREAK SPACE}".encode()
    assert Harmless(kept).write(given) == len(given)
    assert kept.data == given


def test_colours_are_given_when_asked_for_always(run, lake, monkeypatch):
    asked = ("records", "-f", "action = REJECT", "-n", 1, "-o", "table")
    assert COLOR.search(run(*asked).out) is None
    assert "\x1b[31m✕ REJECT" in run(*asked, "--color", "always").out
    monkeypatch.setenv("VPCFLOW_COLOR", "always")
    assert COLOR.search(run(*asked).out)
    assert COLOR.search(run(*asked, "--color", "never").out) is None


def test_columns_line_up_with_wide_characters(run, place):
    write(place / "log", line(1, interface_id="eni-한글"), line(2, interface_id="eni-1"))
    ran = run("top", "interface-id", "--from", "log", "-o", "table", "--by", "records")
    assert {width(text[: text.index("1  50")]) for text in ran.lines[1:]} == {
        width(ran.lines[1][: ran.lines[1].index("1  50")])
    }


def test_a_bar_has_eighths_of_a_cell():
    assert [bar(share, 4) for share in (-1, 0, 0.03125, 0.5, 0.96875, 1, 2)] == [
        "",
        "",
        "▏",
        "██",
        "███▉",
        "████",
        "████",
    ]


def test_printable_keeps_letters_of_all_scripts():
    assert printable("été 한글 ✓") == "été 한글 ✓"
    assert printable("a\tb\x00\u2028") == "a\ufffdb\ufffd\ufffd"


@pytest.mark.parametrize(
    "asked",
    [
        *(("records", "-n", "10000", "-o", kind) for kind in ("text", "jsonl", "table")),
        *(("top", "srcaddr", "srcport", "dstport", "-n", "10000", "-o", kind) for kind in ("text", "csv")),
    ],
    ids=" ".join,
)
def test_who_reads_only_the_head_is_left_in_peace(lake, asked):
    process = subprocess.Popen([*VPCFLOW, *asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(30) == 0
    assert err == ""


def test_control_c_exits_with_130_and_leaves_nothing(place, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [*VPCFLOW, "records", "--from", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    process.stdin.write(f"{HEADER}\n{line()}\n".encode())
    process.stdin.flush()
    deadline = time.monotonic() + 20
    while not list(scratch.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == b""
    assert err.decode().strip() == "interrupted"
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["frob"], ["lake", "--help"]], ids=" ".join)
def test_help_loads_nothing_heavy(words):
    program = (
        "import sys\nfrom vpcflow.cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'pyarrow', 'duckdb', 'sqlglot', 'boto3', 'botocore', 'numpy', 'obstore', 'rich'}\n"
        "print(*sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    loaded = ran.stderr.splitlines()[-1]
    assert loaded == "" if words != ["lake", "--help"] else "boto3" not in loaded


def test_an_answer_from_a_process_is_the_one_given_here(run, lake):
    words = ["top", "dstport", "-n", "3", "-o", "csv"]
    ran = subprocess.run([*VPCFLOW, *words], capture_output=True, check=True)
    assert ran.stdout == run(*words).data

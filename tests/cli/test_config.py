"""Where settings come from, and what is wrong with them."""

from __future__ import annotations

import pytest

from vpcflow.config import FILE, SETTINGS, files, load, size
from vpcflow.errors import ConfigError


@pytest.fixture
def user_file(tmp_path):
    folder = tmp_path / "home/.config/vpcflow"
    folder.mkdir(parents=True)
    return folder / FILE


def shown(run, *words):
    return run("config", "show", "-o", "json", *words).json()


def test_a_flag_beats_the_environment_that_the_file_here_that_the_users_file_that_the_default(
    run, place, user_file, monkeypatch
):
    assert shown(run)["lake"] == {"value": "./lake", "origin": "default"}
    user_file.write_text('lake = "of-user"\n')
    assert shown(run)["lake"] == {"value": "of-user", "origin": str(user_file)}
    (place / FILE).write_text('lake = "of-folder"\n')
    assert shown(run)["lake"] == {"value": "of-folder", "origin": FILE}
    monkeypatch.setenv("VPCFLOW_LAKE", "of-environment")
    assert shown(run)["lake"] == {"value": "of-environment", "origin": "VPCFLOW_LAKE"}
    assert shown(run, "--lake", "of-flag")["lake"] == {"value": "of-flag", "origin": "--lake"}


def test_the_strongest_of_each_setting_wins_alone(run, place, user_file):
    user_file.write_text('lake = "of-user"\nmemory = "2GB"\n')
    (place / FILE).write_text('lake = "of-folder"\nthreads = 3\nno_sign_request = true\n')
    found = shown(run)
    assert {key: found[key]["value"] for key in ("lake", "memory", "threads", "no_sign_request")} == {
        "lake": "of-folder", "memory": "2GB", "threads": "3", "no_sign_request": "true",
    }  # fmt: skip


def test_the_lake_of_the_settings_is_the_one_that_is_asked(run, place, lake, monkeypatch):
    monkeypatch.delenv("VPCFLOW_LAKE")
    assert run("records").code == 4
    (place / FILE).write_text(f'lake = "{lake}"\n')
    assert run("records", "-n", 1).code == 0


def test_xdg_config_home_moves_the_users_file(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg/vpcflow").mkdir(parents=True)
    (tmp_path / "xdg/vpcflow" / FILE).write_text("threads = 1\n")
    assert shown(run)["threads"]["value"] == "1"


def test_a_table_shows_all_settings_with_origin_and_meaning(run, monkeypatch):
    monkeypatch.setenv("VPCFLOW_MEMORY", "512MB")
    ran = run("config", "show")
    assert len(ran.lines) == len(SETTINGS) + 1
    row = next(text for text in ran.lines if text.startswith("memory"))
    assert "512MB" in row
    assert "VPCFLOW_MEMORY" in row
    assert "memory to use" in row


def test_check_says_which_files_were_read(run, place, user_file):
    (place / FILE).write_text("threads = 2\n")
    ran = run("config", "check")
    assert ran.code == 0
    assert ran.lines == [
        f"✓ {FILE}",
        f"– {user_file} (not there)",
        f"{len(SETTINGS)} settings are good, 1 of them not the default",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("lake = ", FILE),
        ("lake = 'a'\nlake = 'b'", FILE),
        ("laek = 'x'", "did you mean lake?"),
        ("qqqq = 1", '"qqqq"'),
        ("lake = ['a']", "lake"),
        ("memory = '1 parsec'", "memory"),
        ("memory = '100MB'", "memory"),
        ("threads = 0", "threads"),
        ("threads = 1.5", "threads"),
        ("lang = 'de'", "lang"),
        ("color = 'blue'", "color"),
        ("no_sign_request = 'perhaps'", "no_sign_request"),
        ("[lake]\npath = 'x'", "lake"),
        ("lake = 'a\\u0000b'\nthreads = -1", "threads"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(run, place, content, said):
    (place / FILE).write_text(content)
    ran = run("config", "check")
    assert ran.code == 3
    assert said in ran.err
    assert FILE in ran.err
    assert "Traceback" not in ran.err


def test_a_file_that_is_no_text_is_named(run, place):
    (place / FILE).write_bytes(b"lake = '\xff\xfe'")
    ran = run("config", "check")
    assert ran.code == 3
    assert f"cannot read {FILE}" in ran.err


@pytest.mark.parametrize(
    ("variable", "value"), [("VPCFLOW_MEMORY", "lots"), ("VPCFLOW_THREADS", "x"), ("VPCFLOW_COLOR", "")]
)
def test_a_wrong_variable_is_named(run, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    ran = run("config", "check")
    assert ran.code == 3
    assert variable in ran.err


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("512MB", 512_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("2g", 2 * 10**9),
        (" 7 kb ", 7000),
        ("1TiB", 1 << 40),
        ("9B", 9),
    ],
)
def test_a_size_has_units(text, count):
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e9", "1,5GB", "1 GB x", "٣MB", "1PB", "9" * 40])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        size(text)


def test_without_a_home_the_files_are_still_known():
    assert [path.name for path in files({})] == [FILE, FILE]
    assert load({}, {}).text("lake") == "./lake"


def test_a_value_that_cannot_be_read_names_key_and_origin():
    with pytest.raises(ConfigError) as caught:
        load({"memory": "1MB"}, {}).number("memory")
    assert caught.value.values == {"key": "memory", "value": "1MB", "origin": "--memory"}
    assert "1MB" in caught.value.message


def test_a_home_that_may_not_be_entered_has_no_settings_for_us(run, user_file, monkeypatch):
    def refused(path):
        if path == user_file:
            raise PermissionError(13, "Permission denied", str(path))
        return False

    user_file.write_text('lake = "of-user"\n')
    monkeypatch.setattr("pathlib.Path.is_file", refused)
    assert load({}, {"HOME": str(user_file.parents[2])}).text("lake") == "./lake"

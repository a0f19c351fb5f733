"""Every text exists in both languages, is used, and has the same places."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from vpcflow import i18n
from vpcflow.config import SETTINGS
from vpcflow.record.fields import FIELDS

SOURCE = Path(__file__).parent.parent / "src" / "vpcflow"
# Keys that are put together at run time, as patterns of what the parts may be.
MADE = (
    r"error\.[a-z0-9_.]+",  # VpcFlowError(code)
    r"command\.[a-z.-]+",
    r"option\.[a-z.-]+",
    r"field\.[a-z0-9_]+",
    r"config\.(head\.|identity\.)?[a-z0-9_]+",
    r"(explain|reach|what_if|suggest)\.[a-z_.]+",
    r"bad\.[a-z_]+",
    r"loss\.[a-z_]+",
    r"lake\.loss\.[a-z_]+",
    r"left_out\.[a-z_]+",
    r"reason\.[a-z_]+",
    r"why\.[a-z_]+",
    r"rejected\.[a-z_]+",
    r"(top|denied|fields|flow_logs|lookup)\.[a-z]+",
    r"lab\.scenario\.[a-z-]+",
    r"live\.without\.[a-z_]+",
    r"query_definitions?\.\w+",
)


def _code() -> str:
    return "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys():
    assert set(i18n.catalogue("ko")) == set(i18n.catalogue("en"))


@pytest.mark.parametrize("key", sorted(i18n.catalogue("en")))
def test_a_text_has_the_same_places_in_both_languages(key):
    assert _places(i18n.catalogue("ko")[key]) == _places(i18n.catalogue("en")[key])


def test_every_key_written_in_the_code_has_a_text():
    written = set(re.findall(r"""\bt\(\s*"([a-z][a-z0-9_.-]+)\"""", _code()))
    written |= set(re.findall(r"""\.note\(\s*"([a-z][a-z0-9_.-]+)\"""", _code()))
    assert written
    assert written <= set(i18n.catalogue("en"))


def test_every_error_code_written_in_the_code_has_a_text():
    codes = re.findall(r"""\b\w+Error\(\s*"([a-z][a-z0-9_.]+)\"""", _code())
    codes += re.findall(r"""self\._fail\(\s*f?"([a-z][a-z0-9_.]+)\"""", _code())
    assert len(codes) > 30
    assert {f"error.{code}" for code in codes} <= set(i18n.catalogue("en"))


def test_every_field_and_setting_has_a_text():
    wanted = {f"field.{field.column}" for field in FIELDS.values()} | {f"config.{key}" for key in SETTINGS}
    assert wanted <= set(i18n.catalogue("en"))


def test_no_text_is_unused():
    code = _code()
    unused = []
    for key in i18n.catalogue("en"):
        if f'"{key}"' in code or f"'{key}'" in code or re.fullmatch(r"error\.filter\.not_[a-z]+", key):
            continue
        last = re.split(r"[.]", key.removesuffix(".hint"))[-1]
        known = last in {field.column for field in FIELDS.values()} or re.search(
            rf"\b{re.escape(last.replace('-', '_'))}\b|\b{re.escape(last)}\b", code
        )
        if not any(re.fullmatch(pattern, key) for pattern in MADE) or not known:
            unused.append(key)
    assert unused == []


def test_no_korean_particle_stands_straight_after_a_place():
    bad = [
        key
        for key, text in i18n.catalogue("ko").items()
        if re.search(r"\}(은|는|이|가|을|를|와|과|로|으로)(\s|$|[.,])", text)
    ]
    assert bad == []


def test_the_language_follows_the_environment():
    assert i18n.preferred({"LC_ALL": "ko_KR.UTF-8", "LANG": "en_US.UTF-8"}) == "ko_KR.UTF-8"
    assert i18n.preferred({"VPCFLOW_LANG": "en", "LC_ALL": "ko_KR.UTF-8"}) == "en"
    assert i18n.preferred({}) == "en"


def test_an_unknown_language_means_english():
    before = i18n.chosen()
    try:
        i18n.choose("de_DE.UTF-8")
        assert i18n.chosen() == "en"
        i18n.choose("ko_KR.UTF-8")
        assert i18n.chosen() == "ko"
    finally:
        i18n.choose(before)


def test_an_unknown_key_fails_loudly():
    with pytest.raises(KeyError):
        i18n.t("no.such.text")


def test_a_word_goes_with_its_number(monkeypatch):
    monkeypatch.setattr(i18n, "catalogue", lambda _language: {"x": "{count} {count:record is|records are} there"})
    assert [i18n.t("x", count=count) for count in ("1", 1, "0", "1,000")] == [
        "1 record is there", "1 record is there", "0 records are there", "1,000 records are there",
    ]  # fmt: skip

"""The stages do not import one another; what one needs of another, `app` hands over."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "vpcflow"
GROUND = {"aws", "record", "types", "errors", "telemetry", "state", "i18n", "config", ""}
STAGES = {"capture", "aggregate", "enrich", "deliver", "collect", "lake", "query", "analyze", "generate", "lab"}
ALLOWED = {
    "i18n": {"i18n"},
    "errors": {"i18n"},
    "types": set(),
    "telemetry": set(),
    "config": {"errors"},
    "state": {"state", "vpc", "record", "errors"},
    "record": {"record", "errors", "telemetry", "types", "i18n"},
    "vpc": {"vpc", "record", "errors", "i18n"},
    **{stage: {stage, "vpc", "record", "state", "errors", "telemetry", "types", "i18n", "aws"} for stage in STAGES},
    # Analyses are written as plans: sqlglot trees over the names that query/schema.py tells.
    "analyze": {"analyze", "query.schema", "vpc", "record", "errors", "telemetry", "types"},
    "aws": {"errors"},
    "cache": {"errors"},
    "places": {"cache", "collect", "errors", "types"},
    "app": GROUND | STAGES | {"app", "vpc", "places", "cache"},
    "lake": {"lake", "cache", "record", "state", "errors", "telemetry", "types", "i18n"},
    "cli": GROUND | STAGES | {"app", "vpc", "cli"},
    "__main__": {"cli"},
    "__init__": {"app"},
}


def _modules():
    return sorted(path for path in SOURCE.rglob("*.py"))


def _imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
    return {name.removeprefix("vpcflow").lstrip(".") for name in found if name.split(".")[0] == "vpcflow"}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_lies_below_it(path):
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    allowed = ALLOWED[room]
    for name in _imported(path):
        assert name.split(".")[0] in allowed or name in allowed, f"{path.relative_to(SOURCE)} imports {name}"


def test_there_is_no_room_without_a_rule():
    rooms = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in _modules()}
    assert rooms == set(ALLOWED)

from __future__ import annotations

import pytest

from analyze.asking import asker
from analyze.plain import EXAMPLES, example_rows
from lake import lakes


@pytest.fixture(scope="session")
def example_records():
    return example_rows()


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """A way to ask the sample records."""
    root = tmp_path_factory.mktemp("examples") / "lake"
    lakes.ingest(root, sorted(EXAMPLES.rglob("*.log.gz")), durable=False)
    with asker(root) as asking:
        yield asking

"""What a source holds that was not taken, and why: counted, and said in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vpcflow.i18n import t

if TYPE_CHECKING:
    from collections import Counter

REASONS: Final = (
    "duplicate",
    "empty",
    "empty_source",
    "fewer_events",
    "gone",
    "hidden",
    "lake",
    "left_message",
    "no_events",
    "not_a_file",
    "not_selected",
    "other_event",
    "other_service",
    "outside",
    "poison",
    "read_before",
    "test_event",
    "unreadable",
    "write_test",
)
"""Each has a text ``left_out.<reason>``."""


def told(left_out: Counter[str]) -> str:
    """Return the counts as text (``3 hidden, 1 outside …``), empty when nothing was left out."""
    return ", ".join(t(f"left_out.{reason}", count=left_out[reason]) for reason in REASONS if left_out[reason])

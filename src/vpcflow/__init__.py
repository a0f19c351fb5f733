"""VPC Flow Logs, whole and self-hostable: read any flow log, keep it in a lake, ask it questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpcflow.app.calls import explain, reach, suggest_rules, what_if

__version__ = "0.1.0"
__all__ = ["__version__", "explain", "reach", "suggest_rules", "what_if"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has the name
    """Import the functions when they are used: the command must start without them."""
    if name in __all__:
        from vpcflow.app import calls  # noqa: PLC0415

        return getattr(calls, name)
    raise AttributeError(name)

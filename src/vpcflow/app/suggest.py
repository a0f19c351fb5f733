"""Least privilege, wired: rules suggested from records for one group or ACL of the network."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vpcflow.vpc.rule_text import traffic, written, written_entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.analyze.explain.narrow import Suggested
    from vpcflow.analyze.explain.suggest import Suggestion, Unused
    from vpcflow.analyze.plan import Scope
    from vpcflow.app import App
    from vpcflow.query.answer import Asker
    from vpcflow.vpc.topology import Network


def network_of(app: App, word: str | None, when: Callable[[str], int]) -> Network:
    """Return the network that *word* names, the one that is kept for None."""
    from vpcflow.app import networks

    return networks.named(app, word or networks.KEPT, when).network


def suggest_rules(asker: Asker, scope: Scope, network: Network, name: str, *, at_most: int | None = None) -> Suggestion:
    """Suggest rules for the group or ACL called *name* (or with that id).

    at_most: rules in each direction, None for AWS's quota.
    """
    from vpcflow.analyze.explain.suggest import suggested
    from vpcflow.vpc.rule_change import resource_of

    return suggested(asker, scope, network, resource_of(name, network).id, at_most=at_most)


def rule_text(one: Suggested, *, inbound: bool) -> str:
    """Return a suggested rule as it is written."""
    return f"{traffic(one.protocol, one.from_port, one.to_port)} {'from' if inbound else 'to'} {one.peer}"


def unused_text(one: Unused) -> str:
    """Return an unused rule as it is written."""
    from vpcflow.vpc.rules import NetworkAclEntry

    if isinstance(one.rule, NetworkAclEntry):
        return written_entry(one.rule, inbound=one.inbound)
    return written(one.rule, inbound=one.inbound)


def document(found: Suggestion) -> dict[str, Any]:
    """Return it for JSON."""
    from vpcflow.app.explanation import changes

    def rules(side: tuple[Suggested, ...], *, inbound: bool) -> list[dict[str, Any]]:
        return [asdict(one) | {"broad": one.broad, "rule": rule_text(one, inbound=inbound)} for one in side]

    return {
        "resource": found.resource,
        "inbound": rules(found.inbound, inbound=True),
        "outbound": rules(found.outbound, inbound=False),
        "unused": [
            {"direction": "inbound" if one.inbound else "outbound", "rule": unused_text(one)} for one in found.unused
        ],
        "changes": changes(found.changes),
        "records": found.records,
        "coarse": found.coarse,
        "proof": {
            "records": found.proof.records,
            "refused": found.proof.uncovered,
            "undecided": dict(found.proof.undecided),
        },
    }

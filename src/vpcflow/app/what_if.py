"""What would have been otherwise with other rules: recorded traffic against the network as it is and as it would be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from vpcflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vpcflow.analyze.explain.replay import Replay, Turned
    from vpcflow.analyze.plan import Scope
    from vpcflow.app import App
    from vpcflow.query.answer import Asker
    from vpcflow.vpc.rule_change import RuleChange
    from vpcflow.vpc.topology import Network

SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed. before, after: the network. changes: rules, as far as single ones were named."""

    before: Network
    after: Network
    changes: tuple[RuleChange, ...]

    @property
    def names(self) -> Mapping[str, str]:
        """Names of interfaces, groups and ACLs, by id."""
        parts = (self.after.interfaces, self.after.security_groups, self.after.network_acls)
        return {key: one.name for part in parts for key, one in part.items() if one.name}


def change(
    app: App,
    word: str | None,
    when: Callable[[str], int],
    files: Sequence[str],
    authorize: Sequence[str],
    revoke: Sequence[str],
) -> Change:
    """Return the network of *word* (the one that is kept, for None) before and after a change.

    files: descriptions that take the place of what they describe. authorize, revoke: rules, as `vpc.rule_change` reads them.
    Rules are taken away before others are added. UsageError where nothing is to be changed, or a rule cannot be.
    """
    from vpcflow.app import networks
    from vpcflow.vpc.load import merged
    from vpcflow.vpc.rule_change import changed, parse

    if not (files or authorize or revoke):
        raise UsageError("what_if.nothing")
    before = networks.named(app, word or networks.KEPT, when).network
    after = merged((before, networks.read(list(files)))) if files else before
    made = []
    for verb, texts in (("revoke", revoke), ("authorize", authorize)):
        for text in texts:
            one = parse(text, verb, after)  # type: ignore[arg-type]
            after = changed(after, (one,))
            made.append(one)
    return Change(before, after, tuple(made))


def what_if(asker: Asker, scope: Scope, wanted: Change) -> Replay:
    """Replay the records of *scope*."""
    from vpcflow.analyze.explain.replay import replay

    return replay(asker, scope, wanted.before, wanted.after)


def document(wanted: Change, found: Replay, limit: int) -> dict[str, Any]:
    """Return it for JSON."""
    return {
        "changes": [{"verb": one.verb, "rule": one.text} for one in wanted.changes],
        "records": found.records,
        "flows": found.flows,
        "refused": _side(found.refused, limit),
        "let_in": _side(found.let_in, limit),
        "unexplained": dict(found.unexplained),
        "ambiguous": found.ambiguous,
        "undecided": dict(found.undecided),
    }


def _side(side: Turned, limit: int) -> dict[str, Any]:
    return {
        "records": side.records,
        "packets": side.packets,
        "bytes": side.bytes,
        "flows": side.flows,
        "sources": side.sources,
        "by_service": [
            {
                "protocol": one.key[0],
                "port": one.key[1],
                "records": one.records,
                "bytes": one.bytes,
                "sources": one.sources,
            }
            for one in side.by("protocol", "port", limit=limit)
        ],
        "by_source": [
            {"source": one.key[0], "records": one.records, "bytes": one.bytes} for one in side.by("source", limit=limit)
        ],
        "examples": [asdict(one) for one in side.examples(limit)],
    }

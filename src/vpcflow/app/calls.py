"""The same questions as on the command line, as Python functions: `vpcflow.explain(…)`, `vpcflow.what_if(…)` and others.

Each opens the lake (or reads *sources*, as `--from` does), asks, and closes it. Times are epoch seconds or datetimes (without
a zone: UTC). network: a file or folder that describes the network, `@state` or `@` and an ISO time for one that is kept; None
for those kept for the time asked about. Errors are `vpcflow.errors.VpcFlowError`.
"""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from vpcflow.types import TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.analyze.explain.replay import Replay
    from vpcflow.analyze.explain.suggest import Suggestion
    from vpcflow.analyze.plan import Scope
    from vpcflow.app import App
    from vpcflow.app.explain import Explanation, Reached
    from vpcflow.query.answer import Asker

Moment: TypeAlias = "int | datetime | None"


def explain(  # noqa: PLR0913 - the options of a question, by name
    source: str | None = None,
    destination: str | None = None,
    port: int | None = None,
    *,
    protocol: int | None = None,
    lake: str | None = None,
    sources: Sequence[str] = (),
    since: Moment = None,
    until: Moment = None,
    filter: str = "",  # noqa: A002 - the option's name
    network: str | None = None,
) -> Explanation:
    """Explain why a conversation was refused; without source and destination, everything that was refused, by cause.

    The answer's `causes` have verdict, layer, rule, certainty and why; `markdown()` makes a report of it, `document()` plain
    values.
    """
    from vpcflow.app import explain as explaining

    app, span = _app(lake), _span(since, until)
    rules = explaining.rules_in(app, span, network, _moment)
    with _asked(app, sources, span, filter) as (asker, scope):
        if source is None or destination is None:
            return explaining.explain_all(asker, scope, rules)
        asked = explaining.asked_about(source, destination, port, protocol, rules)
        return explaining.explain(asker, asked, scope, rules)


def reach(
    source: str,
    destination: str,
    port: int | None = None,
    *,
    protocol: int | None = None,
    lake: str | None = None,
    network: str | None = None,
) -> Reached:
    """Tell whether the rules let a conversation through, step by step, and what would."""
    from vpcflow.app import explain as explaining
    from vpcflow.errors import UsageError

    app, now = _app(lake), int(time.time())
    rules = explaining.rules_in(app, TimeRange(now, now + 1), network, _moment)
    if not rules:
        raise UsageError("network.none_kept", path=app.state_path)
    return explaining.reach(rules[-1], explaining.asked_about(source, destination, port, protocol, rules))


def what_if(  # noqa: PLR0913
    *,
    authorize: Sequence[str] = (),
    revoke: Sequence[str] = (),
    change: Sequence[str] = (),
    lake: str | None = None,
    sources: Sequence[str] = (),
    since: Moment = None,
    until: Moment = None,
    filter: str = "",  # noqa: A002
    network: str | None = None,
) -> Replay:
    """Hold recorded traffic against other rules: `refused` is what was accepted and would not be, `let_in` the other way round.

    authorize, revoke: rules, as `vpcflow what-if` takes them. change: files that describe groups and ACLs as they would be.
    """
    from vpcflow.app import what_if as asking

    app, span = _app(lake), _span(since, until)
    wanted = asking.change(app, network, _moment, change, authorize, revoke)
    with _asked(app, sources, span, filter) as (asker, scope):
        return asking.what_if(asker, scope, wanted)


def suggest_rules(
    resource: str,
    *,
    max_rules: int | None = None,
    lake: str | None = None,
    sources: Sequence[str] = (),
    since: Moment = None,
    until: Moment = None,
    filter: str = "",  # noqa: A002
    network: str | None = None,
) -> Suggestion:
    """Suggest the narrowest rules for a security group or network ACL that cover all accepted traffic recorded."""
    from vpcflow.app import suggest as asking

    app, span = _app(lake), _span(since, until)
    there = asking.network_of(app, network, _moment)
    with _asked(app, sources, span, filter) as (asker, scope):
        return asking.suggest_rules(asker, scope, there, resource, at_most=max_rules)


def _app(lake: str | None) -> App:
    from vpcflow.app import App
    from vpcflow.config import load

    return App(load({"lake": lake} if lake else {}))


def _span(since: Moment, until: Moment) -> TimeRange:
    return TimeRange(*(int(_utc(one).timestamp()) if isinstance(one, datetime) else one for one in (since, until)))


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


_DIGITS: Final = 12
"""Of a time in seconds."""


def _moment(text: str) -> int:
    """Read a time as it stands behind an @; ValueError for what is none."""
    return (
        int(text) if text.isdecimal() and len(text) <= _DIGITS else int(_utc(datetime.fromisoformat(text)).timestamp())
    )


@contextlib.contextmanager
def _asked(app: App, sources: Sequence[str], span: TimeRange, text: str) -> Iterator[tuple[Asker, Scope]]:
    from vpcflow.analyze.plan import Scope
    from vpcflow.app import Reading, Wanted
    from vpcflow.query.filter import parse

    scope = Scope(condition=parse(text), time=span)
    with contextlib.ExitStack() as stack:
        if sources:
            opened, done = stack.enter_context(app.passing_lake(sources, Wanted(time=span), Reading()))
            if done.progress.failed:
                raise done.progress.failed[0][1]
        else:
            opened = stack.enter_context(app.lake())
        yield stack.enter_context(app.asker(opened)), scope

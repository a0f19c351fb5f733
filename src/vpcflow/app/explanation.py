"""Explanations in words: the document for machines (codes only), and sentences for people, in the language in use."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from vpcflow.i18n import t
from vpcflow.record.numbers import protocol_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vpcflow.analyze.explain.cause import Cause
    from vpcflow.analyze.explain.steps import CheckTold, PathTold, StepTold
    from vpcflow.app.explain import Asked, Explanation, Reached
    from vpcflow.vpc.rule_change import RuleChange

_SHOWN: Final = 3
"""Interfaces whose own address is told one by one; of more, how many there are (the JSON has them all)."""
_GLYPHS: Final = {"accepted": "✓", "accepted_no_reply": "✓"}


# --- for machines --------------------------------------------------------------------------------------------------


def document(found: Explanation) -> dict[str, Any]:
    """Return it for JSON: codes, ids and numbers; times in epoch seconds."""
    facts = found.found.facts
    return {
        "asked": None if found.asked is None else asdict(found.asked),
        "since": found.time.since,
        "until": found.time.until,
        "refused_records": found.found.records,
        "causes": [_cause(cause) for cause in found.found.causes],
        "path": None if found.path is None else _path(found.path),
        "own_addresses": [asdict(own) for own in facts.owned.addresses],
        "own_address_unknown": list(facts.owned.unknown),
        "silences": [{**asdict(silence), "verdict": silence.verdict} for silence in found.silences],
    }


def _cause(cause: Cause) -> dict[str, Any]:
    told = asdict(cause)
    told["path"] = None if cause.path is None else _path(cause.path)
    told["mend"] = changes(cause.mend)
    return told


def _path(path: PathTold) -> dict[str, Any]:
    return asdict(path) | {"works": path.works}


def changes(made: Iterable[RuleChange]) -> list[dict[str, Any]]:
    """Return rule changes for JSON: as written, as EC2 request, as command of the AWS CLI, as Terraform."""
    from vpcflow.vpc.rule_command import aws_cli, request, terraform

    return [
        {"verb": one.verb, "rule": one.text, **request(one), "aws_cli": aws_cli(one), "terraform": terraform(one)}
        for one in made
    ]


def reached(found: Reached) -> dict[str, Any]:
    """Return it for JSON."""
    return {
        "asked": asdict(found.asked),
        "rules_since": found.since_s or None,
        "path": _path(found.path),
        "mend": None if found.mend is None else changes(found.mend),
    }


# --- for people ----------------------------------------------------------------------------------------------------


def glyph(cause: Cause) -> str:
    """Return the sign before a verdict."""
    return _GLYPHS.get(cause.verdict, "✕")


def verdict(cause: Cause, names: Mapping[str, str]) -> str:
    """Return the verdict as a sentence: what refused it where a rule is known, else what the pattern tells."""
    refusing = next((step for step in cause.steps if cause.resource and step.layer == cause.layer), None)
    if refusing is None or cause.verdict == "late_packets":
        return t(f"explain.verdict.{cause.verdict}", way=way(cause))
    return step_line(refusing, names, traffic(cause))


def traffic(cause: Cause) -> tuple[str, str]:
    """Return the service and the far end of what was refused, for sentences on security groups."""
    conversation = cause.conversation
    port = conversation.own_port if cause.direction != "egress" else conversation.far_port
    return service(conversation.protocol, port), conversation.far


def step_line(step: StepTold, names: Mapping[str, str], what: tuple[str, str]) -> str:
    """Return what a layer says of packets, as a sentence. what: service and far end."""
    resource = ", ".join(named(one, names) for one in step.resource.split(",")) or "-"
    place = {
        "resource": resource,
        "way": t(f"explain.way.{step.direction}"),
        "service": what[0],
        "far": what[1],
        "rule": shown_rule(step),
    }
    if step.why == "rule":
        return t(f"explain.step.{step.layer}.{step.action.lower()}", **place)
    side = f".{step.direction}" if step.why == "no_rule" else ""
    return t(f"explain.step.{step.layer}.{step.why}{side}", **place)


def shown_rule(step: StepTold) -> str:
    """Return a rule's number or id, and what it says."""
    if step.layer == "network_acl":
        number, _, said = step.text.partition(" ")
        return f"{number} ({said})"
    return f"{step.rule} ({step.text})" if step.rule else f"({step.text})"


def sign(step: StepTold) -> str:
    """Return the sign before what a layer says."""
    return {"ACCEPT": "✓", "REJECT": "✕"}.get(step.action, "?")


def check_line(check: CheckTold, names: Mapping[str, str]) -> str:
    """Return a rule that was considered, and why it did not match."""
    why = t(f"explain.mismatch.{check.mismatch or 'none'}")
    return f"{named(check.resource, names)}  {check.text}  – {why}"


def named(key: str, names: Mapping[str, str]) -> str:
    """Return a resource's name with its id, the id alone where it has no name."""
    return f"{names[key]} ({key})" if names.get(key) else key


def path_lines(path: PathTold, names: Mapping[str, str], opening: tuple[str, str, str]) -> Iterator[str]:
    """Yield a path step by step: out, route, in, and the way back. opening: service, source, destination."""
    what, source, destination = opening
    for step in path.out:
        yield f"{sign(step)} {_at(step, names)}{step_line(step, names, (what, destination))}"
    if path.route:
        yield f"  {t('explain.route', target=named(path.route, names))}"
    if path.action == "NO_ROUTE":
        yield f"✕ {t('explain.no_route', destination=destination)}"
    for step in path.into:
        yield f"{sign(step)} {_at(step, names)}{step_line(step, names, (what, source))}"
    if path.obstacle:
        at = named(path.obstacle.interface_id, names)
        yield f"✕ {t(f'explain.obstacle.{path.obstacle.kind}', interface=at, far=path.obstacle.far)}"
    if not path.reply:
        return
    yield t("explain.reply")
    reply = t("explain.reply_service", service=what)
    for step in path.reply_out:
        yield f"{sign(step)} {_at(step, names)}{step_line(step, names, (reply, source))}"
    for step in path.reply_into:
        yield f"{sign(step)} {_at(step, names)}{step_line(step, names, (reply, destination))}"
    if path.reply == "PARTIAL":
        ports = ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in path.reply_refused)
        yield f"✕ {t('explain.reply_partial', ports=ports)}"


def _at(step: StepTold, names: Mapping[str, str]) -> str:
    return f"{names.get(step.interface_id) or step.interface_id}: "


def opened(cause: Cause) -> Iterator[str]:
    """Yield what else the mend of a cause lets in, how far it reaches, and a warning where it opens the world."""
    if cause.opens is None:
        return
    found = cause.opens
    if found.records:
        shown = ", ".join(f"{source} ({records:,})" for source, records in found.examples)
        counts = {"records": f"{found.records:,}", "sources": f"{found.sources:,}", "examples": shown}
        yield t("explain.opens", interfaces=f"{found.interfaces:,}", **counts)
    else:
        yield t("explain.opens_nothing", interfaces=f"{found.interfaces:,}")
    if any(change.to_everybody for change in cause.mend):
        yield t("explain.opens_world")


def mend_lines(made: Sequence[RuleChange], *, terraform: bool) -> Iterator[str]:
    """Yield the smallest changes, as written and as commands, as Terraform too if wanted."""
    from vpcflow.vpc import rule_command

    for one in made:
        yield t("explain.mend", rule=one.text)
        yield f"  {rule_command.aws_cli(one)}"
        if terraform:
            yield from (f"  {line}" for line in rule_command.terraform(one).splitlines())


def rules_of(since_s: int | None) -> str:
    """Return which rules a verdict was held against."""
    if since_s is None:
        return ""
    return t("explain.rules_given") if since_s == 0 else t("explain.rules_of", time=utc(since_s))


def way(cause: Cause) -> str:
    """Return the word for the direction of what was refused."""
    return t(f"explain.way.{cause.direction or 'unknown'}")


def certainty(cause: Cause) -> str:
    """Return the word for how sure the verdict is, with the rules it was held against."""
    word = t(f"explain.certainty.{cause.certainty}")
    rules = rules_of(cause.rules_since)
    return f"{word} ({rules})" if rules and cause.resource else word


def reasons(cause: Cause) -> list[str]:
    """Return what the verdict rests on, and what keeps it from being more certain."""
    return [t(f"explain.why.{name}") for name in cause.why]


def opener(cause: Cause) -> str:
    """Tell who opened the connection, and how that is known."""
    if cause.opener == "unknown":
        return t("explain.opener.unknown")
    conversation = cause.conversation
    who = conversation.far if cause.opener == "far" else conversation.own
    return t("explain.opener", who=who, how=t(f"explain.opened_by.{cause.opened_by}"))


def ends(cause: Cause) -> tuple[str, str]:
    """Return source and destination of the packets that a cause is about."""
    conversation = cause.conversation
    if not cause.direction and (refused := next((row for row in cause.evidence if row["action"] == "REJECT"), None)):
        return end(refused["srcaddr"], refused["srcport"]), end(refused["dstaddr"], refused["dstport"])
    own, far = end(conversation.own, conversation.own_port), end(conversation.far, conversation.far_port)
    return (own, far) if cause.direction == "egress" else (far, own)


def end(address: str, port: int | None) -> str:
    """Return ``10.0.1.10:22``, ``[2001:db8::1]:22``; the address alone where there is no port."""
    shown = f"[{address}]" if ":" in address and port else address
    return f"{shown}:{port}" if port else shown


def opening(asked: Asked) -> tuple[str, str, str]:
    """Return service, source and destination of what was asked about."""
    protocol = 6 if asked.protocol is None else asked.protocol
    return service(protocol, asked.port), asked.source, asked.destination


def opening_of(cause: Cause) -> tuple[str, str, str]:
    """Return service, source and destination of the opener's packets."""
    conversation = cause.conversation
    by_far = cause.opener == "far" or (cause.opener == "unknown" and cause.direction != "egress")
    source, destination = (conversation.far, conversation.own) if by_far else (conversation.own, conversation.far)
    port = conversation.own_port if by_far else conversation.far_port
    return service(conversation.protocol, port), source, destination


def service(protocol: int | None, port: int | None) -> str:
    """Return ``tcp/22``, ``icmp``."""
    name = protocol_name(protocol).lower()
    return name if port is None or (not port and protocol not in (6, 17)) else f"{name}/{port}"


def services(cause: Cause) -> str:
    """Return the services that a cause is about, most records first."""
    return ", ".join(service(protocol, port) for protocol, port, _ in cause.services)


def utc(epoch_s: int) -> str:
    """Return ``2026-11-24 02:15:00``, "-" for 0."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S") if epoch_s else "-"


def notes(found: Explanation) -> Iterator[str]:
    """Yield what must be said beside the verdicts: whose own address was inferred, or is not known."""
    owned = found.found.facts.owned
    if len(owned.addresses) > _SHOWN:
        origins = Counter(own.origin for own in owned.addresses)
        for origin, count in sorted(origins.items()):
            yield t(f"explain.owns.{origin}", count=f"{count:,}")
    else:
        for own in owned.addresses:
            yield t(
                f"explain.own.{own.origin}", interface=own.interface_id, address=own.address, count=f"{own.records:,}"
            )
    for interface in owned.unknown[:_SHOWN]:
        yield t("explain.own.unknown", interface=interface)
    if len(owned.unknown) > _SHOWN:
        yield t("explain.owns.unknown", count=f"{len(owned.unknown) - _SHOWN:,}")


def silent(found: Explanation) -> Iterator[str]:
    """Yield why there may be no record."""
    for one in found.silences:
        counts = {"records": f"{one.records:,}", "nodata": f"{one.nodata:,}", "skipdata": f"{one.skipdata:,}"}
        yield t(f"explain.silence.{one.verdict}", interface=one.interface_id, address=one.address, **counts)
    if not found.silences:
        yield t("explain.silence.unknown")


# --- a report ------------------------------------------------------------------------------------------------------


def markdown(found: Explanation) -> str:
    """Return a report for a ticket: verdict, evidence, and what it rests on."""
    lines = [f"# {_title(found)}", ""]
    if not found.found.causes:
        lines += [t("explain.none"), "", *(f"- {text}" for text in silent(found)), ""]
    for cause in found.found.causes:
        lines += [f"## {glyph(cause)} {_cell(verdict(cause, found.names))}", "", f"**{certainty(cause)}**", ""]
        lines += [f"- {_cell(text)}" for text in (*reasons(cause), opener(cause))]
        lines += ["", *_facts(cause), "", *_steps(cause, found.names), *_evidence(cause), *_mend(cause)]
    lines += [f"> {_cell(text)}" for text in notes(found)]
    return "\n".join(lines).rstrip() + "\n"


def _title(found: Explanation) -> str:
    asked = found.asked
    if asked is None:
        return t("explain.title.all")
    return t("explain.title", source=asked.source, destination=end(asked.destination, asked.port))


def _facts(cause: Cause) -> Iterator[str]:
    source, destination = ends(cause)
    rows = {
        "interface": f"`{cause.interface_id}`",
        "packets": f"`{source}` → `{destination}`",
        "service": services(cause),
        "records": f"{cause.records:,}",
        "conversations": f"{cause.conversations:,}",
        "first": f"{utc(cause.first_s)} UTC",
        "last": f"{utc(cause.last_s)} UTC",
    }
    yield "| | |"
    yield "| --- | --- |"
    for name, value in rows.items():
        yield f"| {t(f'explain.fact.{name}')} | {_cell(value)} |"


def _steps(cause: Cause, names: Mapping[str, str]) -> Iterator[str]:
    for step in cause.steps:
        yield f"- {sign(step)} {_cell(step_line(step, names, traffic(cause)))}"
        yield from (f"  - `{_cell(check_line(check, names))}`" for check in step.checks)
    if cause.steps:
        yield ""


def _mend(cause: Cause) -> Iterator[str]:
    if not cause.mend:
        return
    from vpcflow.vpc import rule_command

    yield t("explain.mend_title")
    yield ""
    for one in cause.mend:
        yield from ("```sh", rule_command.aws_cli(one), "```", "```hcl", rule_command.terraform(one), "```", "")
    yield from (f"- {_cell(text)}" for text in opened(cause))
    yield ""


def _evidence(cause: Cause) -> Iterator[str]:
    if not cause.evidence:
        return
    names = [name for name in cause.evidence[0] if any(row[name] is not None for row in cause.evidence)]
    yield t("explain.evidence")
    yield ""
    yield "| " + " | ".join(name.replace("_", "-") for name in names) + " |"
    yield "|" + " --- |" * len(names)
    for row in cause.evidence:
        yield "| " + " | ".join("-" if row[name] is None else _cell(str(row[name])) for name in names) + " |"
    yield ""


def _cell(text: str) -> str:
    """Return a text that Markdown leaves as it is within a table's cell: log values are foreign."""
    return "".join(character for character in text if character.isprintable()).replace("|", "\\|").replace("<", "&lt;")

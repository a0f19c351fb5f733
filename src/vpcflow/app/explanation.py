"""Explanations in words: the document for machines (codes only), and sentences for people, in the language in use."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from vpcflow.i18n import t
from vpcflow.record.numbers import protocol_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vpcflow.analyze.explain.find import Cause, Conversation
    from vpcflow.app.explain import Explanation

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
        "causes": [asdict(cause) for cause in found.found.causes],
        "own_addresses": [asdict(own) for own in facts.owned.addresses],
        "own_address_unknown": list(facts.owned.unknown),
        "silences": [{**asdict(silence), "verdict": silence.verdict} for silence in found.silences],
    }


# --- for people ----------------------------------------------------------------------------------------------------


def glyph(cause: Cause) -> str:
    """Return the sign before a verdict."""
    return _GLYPHS.get(cause.verdict, "✕")


def verdict(cause: Cause) -> str:
    """Return the verdict as a sentence."""
    return t(f"explain.verdict.{cause.verdict}", way=way(cause))


def way(cause: Cause) -> str:
    """Return the word for the direction of what was refused."""
    return t(f"explain.way.{cause.direction or 'unknown'}")


def certainty(cause: Cause) -> str:
    """Return the word for how sure the verdict is."""
    return t(f"explain.certainty.{cause.certainty}")


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


def ends(conversation: Conversation, direction: str) -> tuple[str, str]:
    """Return source and destination of the packets that a cause is about."""
    own, far = end(conversation.own, conversation.own_port), end(conversation.far, conversation.far_port)
    return (own, far) if direction == "egress" else (far, own)


def end(address: str, port: int | None) -> str:
    """Return ``10.0.1.10:22``, ``[2001:db8::1]:22``; the address alone where there is no port."""
    shown = f"[{address}]" if ":" in address and port else address
    return f"{shown}:{port}" if port else shown


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
        lines += [f"## {glyph(cause)} {_cell(verdict(cause))}", "", f"**{certainty(cause)}**", ""]
        lines += [f"- {_cell(text)}" for text in (*reasons(cause), opener(cause))]
        lines += ["", *_facts(cause), "", *_evidence(cause)]
    lines += [f"> {_cell(text)}" for text in notes(found)]
    return "\n".join(lines).rstrip() + "\n"


def _title(found: Explanation) -> str:
    asked = found.asked
    if asked is None:
        return t("explain.title.all")
    return t("explain.title", source=asked.source, destination=end(asked.destination, asked.port))


def _facts(cause: Cause) -> Iterator[str]:
    source, destination = ends(cause.conversation, cause.direction)
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

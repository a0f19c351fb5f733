"""Which format lines without a header have: told by their values, never by their number alone.

A line of 14 tokens may be anything; one whose tokens are an account, an interface, two addresses, ports and counts where the
default format has them is a flow log record.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from vpcflow.record.fields import FIELDS
from vpcflow.record.format import DEFAULT, TGW_DEFAULT, LogFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE: Final = 1_000
"""Lines looked at."""

_SHARE: Final = 0.95
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_VALUES: Final = {
    "version": re.compile(r"[0-9]{1,2}"),
    "account-id": re.compile(r"[0-9]{12}|unknown"),
    "interface-id": re.compile(r"eni-[0-9a-z]+|-"),
    "action": re.compile(r"ACCEPT|REJECT|-"),
    "log-status": re.compile(r"OK|NODATA|SKIPDATA"),
    "resource-type": re.compile(r"TransitGateway"),
}
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*", re.ASCII)


def default_format(lines: Sequence[str]) -> LogFormat | None:
    """Return the default format that nearly all *lines* have, of VPCs or of transit gateways; None when neither fits."""
    for log_format in (DEFAULT, TGW_DEFAULT):
        if lines and sum(_fits(line.split(), log_format) for line in lines) >= _SHARE * len(lines):
            return log_format
    return None


def has_leading_time(lines: Sequence[str], log_format: LogFormat | None) -> bool:
    """Tell whether a time stands before each record, as CloudWatch Logs exports have it.

    log_format: what the records are known to have, if anything; a time that it has a place for leads nothing.
    """
    begins = [line.split() for line in lines]
    led = [tokens for tokens in begins if tokens and _ISO.fullmatch(tokens[0])]
    if not led or len(led) < _SHARE * len(lines):
        return False
    return log_format is None or 2 * sum(len(tokens) == len(log_format.names) for tokens in led) < len(led)


def _fits(tokens: list[str], log_format: LogFormat) -> bool:
    return len(tokens) == len(log_format.names) and all(map(_is_value, log_format.names, tokens))


def _is_value(name: str, token: str) -> bool:
    if name in _VALUES:
        return _VALUES[name].fullmatch(token) is not None
    field = FIELDS[name]
    if token == "-" or (field.kind != "address" and field.type == "string"):
        return True
    return _NUMBER.fullmatch(token) is not None if field.type != "string" else _is_address(token)


def _is_address(token: str) -> bool:
    try:
        ip_address(token)
    except ValueError:
        return False
    return True

"""What EC2 says of the instance it is asked on: account, Region, VPC and the ids of its interfaces.

Asked only where the settings say so, with a session token (IMDSv2), at the address of the link or the one that
``AWS_EC2_METADATA_SERVICE_ENDPOINT`` names. Answers are checked: whoever sits at that address is a stranger elsewhere.

Source: EC2 User Guide "Use the Instance Metadata Service", "Instance metadata categories", "Instance identity documents".
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

ENDPOINT: Final = "http://169.254.169.254"
_VARIABLE: Final = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
_PATIENCE_S: Final = 1.0
_MOST: Final = 1 << 16
_MAX_INTERFACES: Final = 64
_TOKEN_S: Final = 60
_MACS: Final = "/latest/meta-data/network/interfaces/macs/"

_ACCOUNT, _REGION, _MAC = (
    re.compile(pattern) for pattern in (r"[0-9]{12}", r"[a-z0-9-]{1,32}", r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
)
_INTERFACE, _VPC = (re.compile(rf"{kind}-[0-9a-f]{{8,32}}") for kind in ("eni", "vpc"))


@dataclass(frozen=True, slots=True)
class Instance:
    """What was told. interfaces: ids by MAC. why_not: the reason when nobody answered as EC2 does; then the rest is empty."""

    account: str = ""
    region: str = ""
    vpc_id: str = ""
    interfaces: Mapping[str, str] = field(default_factory=dict)
    why_not: str = ""


def instance() -> Instance:
    """Return what EC2 says, asked once in a process."""
    return _asked(os.environ.get(_VARIABLE) or ENDPOINT)


@functools.cache
def _asked(endpoint: str) -> Instance:
    try:
        with _Service(endpoint) as service:
            return service.instance()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Instance(why_not=str(error) or type(error).__name__)


class _Service:
    """The metadata service. Raises OSError, HTTPException or ValueError for anything that is not it."""

    def __init__(self, endpoint: str) -> None:
        parts = urllib.parse.urlsplit(endpoint)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(endpoint)
        self._http = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=_PATIENCE_S)
        self._headers: dict[str, str] = {}

    def __enter__(self) -> Self:
        token = self._ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_S)})
        self._headers = {"X-aws-ec2-metadata-token": _matching(re.compile(r"[\x21-\x7e]{1,4096}"), token)}
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        self._http.request(method, path, headers=dict(headers))
        answer = self._http.getresponse()
        data = answer.read(_MOST + 1)
        if answer.status != http.client.OK or len(data) > _MOST:
            raise ValueError(f"{path}: {answer.status} {answer.reason}")
        return data.decode("utf-8").strip()

    def _get(self, path: str) -> str:
        return self._ask("GET", path, self._headers)

    def instance(self) -> Instance:
        document = json.loads(self._get("/latest/dynamic/instance-identity/document"))
        if not isinstance(document, dict):
            raise ValueError("instance-identity/document")  # noqa: TRY004 - all that is wrong with an answer is one kind
        account = _matching(_ACCOUNT, str(document.get("accountId")))
        region = _matching(_REGION, str(document.get("region")))
        macs = [line.rstrip("/").lower() for line in self._get(_MACS).splitlines()][:_MAX_INTERFACES]
        macs = [_matching(_MAC, mac) for mac in macs]
        found = {mac: _matching(_INTERFACE, self._get(f"{_MACS}{mac}/interface-id")) for mac in macs}
        vpc_id = _matching(_VPC, self._get(f"{_MACS}{macs[0]}/vpc-id")) if macs else ""
        return Instance(account, region, vpc_id, found)


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text[:80])
    return text

"""An ordinary day: visitors at the web server, which asks the application, which asks the database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vpcflow.lab.traffic.stage import Client

if TYPE_CHECKING:
    from vpcflow.lab.traffic.stage import Stage

VISITORS: Final = ("192.0.2.11", "192.0.2.57", "198.51.100.34", "198.51.100.90", "203.0.113.77", "203.0.113.130")
VISITOR6: Final = "2001:db8:1::25"
_PAGE: Final = b"HTTP/1.1 200 OK\r\n\r\n" + b"<p>lab</p>" * 1200


def run(stage: Stage) -> None:
    """Visit, over HTTPS and HTTP, IPv4 and IPv6."""
    for port in (80, 443):
        stage.serve("web", port, _PAGE)
    stage.serve("app", 8080, _PAGE[:4000])
    stage.serve("db", 5432, b"rows" * 700)
    visits = [
        partial(stage.call, Client("internet", visitor), stage.public("web"), port, say=b"GET / HTTP/1.1\r\n\r\n" * 8)
        for visitor in VISITORS
        for port in (443, 443, 443, 80)
    ]
    visits += [partial(stage.call, Client("internet", VISITOR6), stage.ipv6("web"), 443)] * 2
    visits += [partial(stage.call, Client("web"), stage.address("app"), 8080, say=b"GET /api\r\n")] * 10
    visits += [partial(stage.call, Client("app"), stage.address("db"), 5432, say=b"select 1")] * 10
    visits += [partial(stage.call, Client("app"), stage.ipv6("db"), 5432, say=b"select 1")] * 2
    stage.together(visits)

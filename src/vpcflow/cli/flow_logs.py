"""`vpcflow flow-logs`: what is captured, in which format, to which destination."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import click

from vpcflow.app.resources import flow_log_service, interfaces_here
from vpcflow.app.run_lock import is_running
from vpcflow.cli.choices import one_of, s3_options
from vpcflow.cli.render import write_table
from vpcflow.cli.session import command as declare
from vpcflow.cli.shown import json_text
from vpcflow.cli.words import CONTEXT, Group, option
from vpcflow.errors import ResourceError, UsageError
from vpcflow.i18n import t
from vpcflow.vpc.membership import interfaces_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vpcflow.app.flow_log_request import CreateFlowLogsRequest
    from vpcflow.app.flow_logs import DescribeFlowLogsRequest, FlowLogService, Unsuccessful
    from vpcflow.cli.session import Session
    from vpcflow.vpc.topology import Network

_FIVE_MINUTES: Final = 300
_REFUSED: Final = 4

EXAMPLES: Final = (
    "vpcflow flow-logs create --vpc vpc-0f --traffic-type ALL --log-destination s3://logs/",
    "vpcflow flow-logs describe --filter Name=traffic-type,Values=ALL",
    "vpcflow flow-logs delete --flow-log-ids fl-0123456789abcdef0",
)

_output = option(
    "-o", "--output", "kind", metavar="table|json", default="table", callback=one_of("table", "json", name="output")
)


@click.group("flow-logs", cls=Group, examples=EXAMPLES, context_settings=CONTEXT, no_args_is_help=True)
def command() -> None:
    """See ``command.flow-logs``."""


# --- create ----------------------------------------------------------------------------------------------------


@declare(
    "create",
    lists=("--resource-ids", "--vpc", "--subnet", "--eni", "--tag-specifications", "--tag-field-specifications"),
    examples=(
        "vpcflow flow-logs create --vpc vpc-0f --traffic-type ALL --log-destination s3://logs/",
        "vpcflow flow-logs create --eni eth0 --traffic-type REJECT --log-destination lake --max-aggregation-interval 60",
        "vpcflow flow-logs create --subnet local --traffic-type ALL --log-destination file:///srv/flow-logs",
    ),
)
@option("--resource-type", metavar="TYPE")
@option("--resource-ids", "--resource-id", "resource_ids", multiple=True, metavar="ID")
@option("--vpc", multiple=True, metavar="ID|NAME")
@option("--subnet", multiple=True, metavar="ID|NAME")
@option("--eni", multiple=True, metavar="ID|NAME")
@option("--traffic-type", metavar="ACCEPT|REJECT|ALL")
@option("--log-destination-type", metavar="TYPE")
@option("--log-destination", metavar="DESTINATION")
@option("--log-group-name", metavar="NAME")
@option("--deliver-logs-permission-arn", metavar="ARN")
@option("--deliver-cross-account-role", metavar="ARN")
@option("--log-format", metavar="'${FIELD} …'")
@option("--max-aggregation-interval", type=int, metavar="60|600")
@option("--destination-options", metavar="NAME=VALUE,…|JSON")
@option("--tag-specifications", multiple=True, metavar="…|JSON")
@option("--tag-field-specifications", multiple=True, metavar="…|JSON")
@option("--client-token", metavar="TOKEN")
@option("--dry-run/--no-dry-run")
@_output
@s3_options
def create(session: Session, kind: str, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.flow-logs.create``."""
    with session.app.state() as state:
        service = flow_log_service(session.app, state)
        request = _request(service.network, values)
        try:
            result = service.create(request)
        except ResourceError as error:
            return _dry(session, error)
        made = service.describe({"FlowLogIds": result["FlowLogIds"]})["FlowLogs"] if result["FlowLogIds"] else []
    if kind == "json":
        click.echo(json_text(result, 4))
    else:
        for shape in made:
            click.echo(f"{shape['FlowLogId']}  {shape['FlowLogStatus']}  {_next(shape)}")
    if made:
        if not is_running(session.app.state_path.parent):
            session.note("note.flow_logs_run")
        _tell_limits(session, request, service)
    return _unsuccessful(session, result["Unsuccessful"])


def _request(network: Network, values: dict[str, Any]) -> CreateFlowLogsRequest:
    resource_type, ids = _resources(network, values)
    given = {
        "ResourceType": resource_type,
        "ResourceIds": ids,
        "TrafficType": values["traffic_type"],
        "LogDestinationType": values["log_destination_type"],
        "LogDestination": values["log_destination"],
        "LogGroupName": values["log_group_name"],
        "DeliverLogsPermissionArn": values["deliver_logs_permission_arn"],
        "DeliverCrossAccountRole": values["deliver_cross_account_role"],
        "LogFormat": values["log_format"],
        "MaxAggregationInterval": values["max_aggregation_interval"],
        "DestinationOptions": _one("--destination-options", values["destination_options"]),
        "TagSpecifications": _many("--tag-specifications", values["tag_specifications"]),
        "TagFieldSpecifications": _many("--tag-field-specifications", values["tag_field_specifications"]),
        "ClientToken": values["client_token"],
        "DryRun": values["dry_run"],
    }
    request: CreateFlowLogsRequest = {name: value for name, value in given.items() if value not in (None, [], "")}  # type: ignore[assignment]
    return request


def _resources(network: Network, values: dict[str, Any]) -> tuple[str | None, list[str]]:
    """Return type and ids of the resources; the short options take names too."""
    short = [(kind, values[name]) for name, kind in (("vpc", "VPC"), ("subnet", "Subnet"), ("eni", "NetworkInterface"))]
    given = [(kind, names) for kind, names in short if names]
    if not given:
        return values["resource_type"], list(_listed(values["resource_ids"]))
    if len(given) > 1 or values["resource_type"] or values["resource_ids"]:
        raise UsageError("flow_logs.one_kind")
    kind, names = given[0]
    there = {"VPC": network.vpcs, "Subnet": network.subnets, "NetworkInterface": network.interfaces}[kind]
    by_name = {one.name: one.id for one in there.values() if one.name}  # type: ignore[attr-defined]
    return kind, [by_name.get(name, name) for name in _listed(names)]


def _listed(words: Sequence[str]) -> Iterator[str]:
    """Yield each of several words that one option was given, as the AWS CLI's JSON and blanks have them."""
    for word in words:
        if word.lstrip().startswith("["):
            yield from map(str, _json("--resource-ids", word))
        else:
            yield from word.replace(",", " ").split()


def _next(shape: dict[str, Any]) -> str:
    """Tell when what is captured now is delivered at the soonest."""
    length = _FIVE_MINUTES if shape["LogDestinationType"] in ("s3", "folder") else shape["MaxAggregationInterval"]
    now = int(time.time())
    return t("flow_logs.next", time=time.strftime("%H:%M:%SZ", time.gmtime(now - now % length + length)))


def _tell_limits(session: Session, request: CreateFlowLogsRequest, service: FlowLogService) -> None:
    kind = request.get("ResourceType", "")
    if kind == "RegionalNatGateway":
        session.note("note.flow_logs_no_interface")
    elif kind.startswith("TransitGateway"):
        session.note("note.flow_logs_transit")
    else:
        found = [interfaces_of(service.network, kind, one) for one in request.get("ResourceIds", ())]  # type: ignore[arg-type]
        every = frozenset[str]().union(*(one for one in found if one))
        if not every:
            session.note("note.flow_logs_empty")
        elif every.isdisjoint(interfaces_here(session.app)):
            session.note("note.flow_logs_elsewhere")


def _dry(session: Session, error: ResourceError) -> int:
    if error.aws_code != "DryRunOperation":
        raise error
    session.note("error.flow_logs.dry_run")
    return 0


def _unsuccessful(session: Session, refused: Sequence[Unsuccessful]) -> int:
    for one in refused:
        session.warn(f"{one['ResourceId']}: {one['Error']['Code']}: {one['Error']['Message']}")
    return _REFUSED if refused else 0


# --- describe --------------------------------------------------------------------------------------------------


@declare(
    "describe",
    lists=("--flow-log-ids", "--filter", "--filters"),
    examples=(
        "vpcflow flow-logs describe",
        "vpcflow flow-logs describe --filter Name=resource-id,Values=vpc-0* -o json",
        "vpcflow flow-logs describe --flow-log-ids fl-0123456789abcdef0",
    ),
)
@option("--flow-log-ids", multiple=True, metavar="ID")
@option("--filter", "--filters", "filters", multiple=True, metavar="Name=…,Values=…|JSON")
@option("--max-results", "--max-items", "max_results", type=int, metavar="N")
@option("--starting-token", "--next-token", "token", metavar="TOKEN")
@option("--dry-run/--no-dry-run")
@_output
def describe(session: Session, kind: str, **values: Any) -> int:  # noqa: ANN401 - click's own
    """See ``command.flow-logs.describe``."""
    request: DescribeFlowLogsRequest = {
        "FlowLogIds": list(_listed(values["flow_log_ids"])),
        "Filter": _many("--filter", values["filters"]),
        "DryRun": values["dry_run"],
    }
    if values["max_results"] is not None:
        request["MaxResults"] = values["max_results"]
    if values["token"]:
        request["NextToken"] = values["token"]
    with session.app.state() as state:
        try:
            result = flow_log_service(session.app, state).describe(request)
        except ResourceError as error:
            return _dry(session, error)
    if kind == "json":
        click.echo(json_text(result, 4))
        return 0
    shown = [
        (
            shape["FlowLogId"],
            shape["ResourceId"],
            shape.get("TrafficType", "-"),
            shape.get("LogGroupName") or shape.get("LogDestination", shape["LogDestinationType"]),
            f"{shape['MaxAggregationInterval']} s",
            _delivery(shape),
            shape["CreationTime"][:19] + "Z",
        )
        for shape in result["FlowLogs"]
    ]
    if shown:
        titles = ("id", "resource", "traffic", "destination", "interval", "delivery", "created")
        write_table(session, [t(f"flow_logs.{title}") for title in titles], shown)
    else:
        session.note("note.flow_logs_none")
    if "NextToken" in result:
        session.note("note.flow_logs_more", token=result["NextToken"])
    return 0


def _delivery(shape: dict[str, Any]) -> str:
    message = shape.get("DeliverLogsErrorMessage")
    return f"{shape['DeliverLogsStatus']} ({message})" if message else str(shape["DeliverLogsStatus"])


# --- delete ----------------------------------------------------------------------------------------------------


@declare(
    "delete",
    lists=("--flow-log-ids",),
    examples=(
        "vpcflow flow-logs delete --flow-log-ids fl-0123456789abcdef0",
        "vpcflow flow-logs delete --flow-log-ids fl-0123456789abcdef0,fl-0123456789abcdef1",
        "vpcflow flow-logs delete --flow-log-ids fl-0123456789abcdef0 -o json",
    ),
)
@option("--flow-log-ids", multiple=True, required=True, metavar="ID")
@option("--dry-run/--no-dry-run")
@_output
def delete(session: Session, kind: str, *, flow_log_ids: tuple[str, ...], dry_run: bool) -> int:
    """See ``command.flow-logs.delete``."""
    ids = list(_listed(flow_log_ids))
    with session.app.state() as state:
        try:
            result = flow_log_service(session.app, state).delete(ids, dry_run=dry_run)
        except ResourceError as error:
            return _dry(session, error)
    if kind == "json":
        click.echo(json_text(result, 4))
    else:
        refused = {one["ResourceId"] for one in result["Unsuccessful"]}
        for one in dict.fromkeys(ids):
            if one not in refused:
                click.echo(f"{one}  {t('flow_logs.deleted')}")
    return _unsuccessful(session, result["Unsuccessful"])


# --- words of the AWS CLI --------------------------------------------------------------------------------------


def _one(name: str, text: str | None) -> dict[str, Any]:
    """Read a structure in the AWS CLI's shorthand (``A=1,B=2``) or as JSON."""
    if not text:
        return {}
    found = _json(name, text) if text.lstrip().startswith("{") else _shorthand(name, text)
    if not isinstance(found, dict):
        raise UsageError("flow_logs.bad_words", name=name, text=text)
    return found


def _many(name: str, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Read a list of structures: each text is one of them, or a JSON list."""
    found: list[dict[str, Any]] = []
    for text in texts:
        if text.lstrip().startswith("["):
            items = _json(name, text)
            if not all(isinstance(item, dict) for item in items):
                raise UsageError("flow_logs.bad_words", name=name, text=text)
            found += items
        else:
            found.append(_one(name, text))
    return found


def _json(name: str, text: str) -> Any:  # noqa: ANN401 - whatever it says
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError("flow_logs.bad_words", name=name, text=text) from None


def _shorthand(name: str, text: str) -> Any:  # noqa: ANN401 - whatever it says
    """Read ``Name=a,Values=b,c``, ``Tags=[{Key=a,Value=b}]``; UsageError for what is not of that kind."""
    try:
        return _Shorthand(text).structure(end="")
    except ValueError:
        raise UsageError("flow_logs.bad_words", name=name, text=text) from None


class _Shorthand:
    """The AWS CLI's shorthand: ``key=value`` with commas; a word without ``=`` goes on with the value before."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def structure(self, end: str) -> dict[str, Any]:
        """Read up to *end*."""
        found: dict[str, Any] = {}
        last = ""
        while not self._is_next(end):
            word, sign = self._word("=,]}")
            if sign == "=":
                if not word or word in found:
                    raise ValueError(word)
                last = word
                found[last] = self._value(end)
            elif last and word:
                before = found[last]
                found[last] = [*before, word] if isinstance(before, list) else [before, word]
            else:
                raise ValueError(word)
            self._comma(end)
        self._at += len(end)
        return found

    def _value(self, end: str) -> Any:  # noqa: ANN401 - a text, a list or a structure
        here = self._text[self._at : self._at + 1]
        if here == "{":
            self._at += 1
            return self.structure("}")
        if here == "[":
            self._at += 1
            items = []
            while not self._is_next("]"):
                items.append(self._value("]"))
                self._comma("]")
            self._at += 1
            return items
        return self._word(f",{end}")[0]

    def _word(self, signs: str) -> tuple[str, str]:
        """Read up to one of *signs*; ``=`` is taken, the others are not."""
        here = self._text[self._at : self._at + 1]
        if here and here in "'\"":
            close = self._text.index(here, self._at + 1)
            word = self._text[self._at + 1 : close]
            self._at = close + 1
        else:
            begin = self._at
            while self._at < len(self._text) and self._text[self._at] not in signs:
                self._at += 1
            word = self._text[begin : self._at].strip()
        sign = self._text[self._at : self._at + 1]
        if sign == "=" and "=" in signs:
            self._at += 1
        return word, sign

    def _comma(self, end: str) -> None:
        if self._text[self._at : self._at + 1] == ",":
            self._at += 1
        elif not self._is_next(end):
            raise ValueError(self._text)

    def _is_next(self, end: str) -> bool:
        if end:
            if self._at >= len(self._text):
                raise ValueError(self._text)
            return self._text[self._at] == end
        return self._at >= len(self._text)


for _each in (create, describe, delete):
    command.add_command(_each)

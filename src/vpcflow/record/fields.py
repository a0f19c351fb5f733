"""Every field of a flow log record, written once.

The Arrow schema, the format parser, the text codec, the tables' columns, the Insights names, the CLI's columns
and the reference page are made from ``FIELDS``. Meanings are texts (``field.<column>`` in i18n). A field is one entry here
and one text a language.

Source: VPC User Guide "Flow log records" (v2 to v11); Transit Gateway guide "Transit Gateway Flow Logs" (v6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Type = Literal["int32", "int64", "string"]
Kind = Literal["address", "port", "time", "count", "code", "tag", "account", "id", "name"]

_BOTH = ("vpc", "tgw")
_VPC = ("vpc",)
_TGW = ("tgw",)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name as AWS writes it, its Parquet type, the version that brought it, who has it."""

    name: str
    type: Type
    version: int
    kind: Kind
    families: tuple[str, ...]
    unit: str = ""
    renamed: str = ""

    @property
    def column(self) -> str:
        """Name in Parquet and SQL: underscores for hyphens."""
        return self.name.replace("-", "_")

    @property
    def insights(self) -> str:
        """Name that CloudWatch Logs Insights discovers (``srcAddr``, ``startTime``)."""
        if self.renamed:
            return self.renamed
        first, *rest = self.name.split("-")
        return first + "".join(word.capitalize() for word in rest)


def _fields() -> tuple[Field, ...]:
    both, vpc, tgw = _BOTH, _VPC, _TGW
    return (
        Field("version", "int32", 2, "code", both),
        Field("account-id", "string", 2, "account", both),
        Field("interface-id", "string", 2, "id", vpc),
        Field("srcaddr", "string", 2, "address", both, renamed="srcAddr"),
        Field("dstaddr", "string", 2, "address", both, renamed="dstAddr"),
        Field("srcport", "int32", 2, "port", both, renamed="srcPort"),
        Field("dstport", "int32", 2, "port", both, renamed="dstPort"),
        Field("protocol", "int32", 2, "code", both),
        Field("packets", "int64", 2, "count", both, "packets"),
        Field("bytes", "int64", 2, "count", both, "bytes"),
        Field("start", "int64", 2, "time", both, "s", "startTime"),
        Field("end", "int64", 2, "time", both, "s", "endTime"),
        Field("action", "string", 2, "name", vpc),
        Field("log-status", "string", 2, "name", both),
        Field("vpc-id", "string", 3, "id", vpc),
        Field("subnet-id", "string", 3, "id", vpc),
        Field("instance-id", "string", 3, "id", vpc),
        Field("tcp-flags", "int32", 3, "code", both),
        Field("type", "string", 3, "name", both),
        Field("pkt-srcaddr", "string", 3, "address", vpc, renamed="pktSrcAddr"),
        Field("pkt-dstaddr", "string", 3, "address", vpc, renamed="pktDstAddr"),
        Field("region", "string", 4, "name", both),
        Field("az-id", "string", 4, "id", vpc),
        Field("sublocation-type", "string", 4, "name", vpc),
        Field("sublocation-id", "string", 4, "id", vpc),
        Field("pkt-src-aws-service", "string", 5, "name", both),
        Field("pkt-dst-aws-service", "string", 5, "name", both),
        Field("flow-direction", "string", 5, "name", both),
        Field("traffic-path", "int32", 5, "code", vpc),
        Field("ecs-cluster-arn", "string", 7, "id", vpc),
        Field("ecs-cluster-name", "string", 7, "name", vpc),
        Field("ecs-container-instance-arn", "string", 7, "id", vpc),
        Field("ecs-container-instance-id", "string", 7, "id", vpc),
        Field("ecs-container-id", "string", 7, "id", vpc),
        Field("ecs-second-container-id", "string", 7, "id", vpc),
        Field("ecs-service-name", "string", 7, "name", vpc),
        Field("ecs-task-definition-arn", "string", 7, "id", vpc),
        Field("ecs-task-arn", "string", 7, "id", vpc),
        Field("ecs-task-id", "string", 7, "id", vpc),
        Field("reject-reason", "string", 8, "name", vpc),
        Field("resource-id", "string", 9, "id", vpc),
        Field("encryption-status", "int32", 10, "code", vpc),
        Field("instance-tag", "string", 11, "tag", vpc),
        Field("instance-tag-2", "string", 11, "tag", vpc),
        Field("interface-tag", "string", 11, "tag", vpc),
        Field("interface-tag-2", "string", 11, "tag", vpc),
        Field("asg-tag", "string", 11, "tag", vpc),
        Field("asg-tag-2", "string", 11, "tag", vpc),
        Field("interface-type", "string", 11, "name", vpc),
        Field("next-hop-interface-id", "string", 11, "id", vpc),
        Field("next-hop-subnet-id", "string", 11, "id", vpc),
        Field("next-hop-az-id", "string", 11, "id", vpc),
        Field("next-hop-vpc-id", "string", 11, "id", vpc),
        Field("next-hop-interface-type", "string", 11, "name", vpc),
        Field("resource-type", "string", 6, "name", tgw),
        Field("tgw-id", "string", 6, "id", tgw),
        Field("tgw-attachment-id", "string", 6, "id", tgw),
        Field("tgw-src-vpc-account-id", "string", 6, "account", tgw),
        Field("tgw-dst-vpc-account-id", "string", 6, "account", tgw),
        Field("tgw-src-vpc-id", "string", 6, "id", tgw),
        Field("tgw-dst-vpc-id", "string", 6, "id", tgw),
        Field("tgw-src-subnet-id", "string", 6, "id", tgw),
        Field("tgw-dst-subnet-id", "string", 6, "id", tgw),
        Field("tgw-src-eni", "string", 6, "id", tgw),
        Field("tgw-dst-eni", "string", 6, "id", tgw),
        Field("tgw-src-az-id", "string", 6, "id", tgw),
        Field("tgw-dst-az-id", "string", 6, "id", tgw),
        Field("tgw-pair-attachment-id", "string", 6, "id", tgw),
        Field("packets-lost-no-route", "int64", 6, "count", tgw, "packets"),
        Field("packets-lost-blackhole", "int64", 6, "count", tgw, "packets"),
        Field("packets-lost-mtu-exceeded", "int64", 6, "count", tgw, "packets"),
        Field("packets-lost-ttl-expired", "int64", 6, "count", tgw, "packets"),
    )


FIELDS: Final = {field.name: field for field in _fields()}
"""All fields by text name; the VPC ones first in the order AWS lists them, then those only transit gateways have."""

BY_COLUMN: Final = {field.column: field for field in FIELDS.values()}
"""The same by column name."""

BY_ANY_NAME: Final = {
    name.lower(): field for field in FIELDS.values() for name in (field.name, field.column, field.insights)
}
"""The same by every spelling AWS uses, in lower case."""

VPC_FIELDS: Final = tuple(field for field in FIELDS.values() if "vpc" in field.families)

_TGW_NAMES = (
    "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id "
    "tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id "
    "tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
    "log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded "
    "packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service"
)
TGW_FIELDS: Final = tuple(FIELDS[name] for name in _TGW_NAMES.split())
"""The transit gateway fields in the order of their default format."""

TABLES: Final = {"flow_logs": VPC_FIELDS, "transit_gateway_flow_logs": TGW_FIELDS}
"""The lake's tables and the fields each may have."""

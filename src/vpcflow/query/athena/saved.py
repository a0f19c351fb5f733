"""The VPC console's predefined queries, by the names its template gives them. Their texts are ours; what they ask is AWS's.

Source: VPC User Guide, "Run a predefined query".
"""

from __future__ import annotations

from typing import Final

_ACCEPTED: Final = "action = 'ACCEPT'"
_REJECTED: Final = "action = 'REJECT'"
_FLOW: Final = "interface_id, srcaddr, dstaddr, srcport, dstport, protocol"


def _flows(where: str, *, by: str = _FLOW, limit: int = 100) -> str:
    return (
        f"SELECT {by}, action, sum(packets) AS packets, sum(bytes) AS bytes, count(*) AS records\n"
        f"FROM flow_logs\nWHERE {where}\nGROUP BY {by}, action\nORDER BY bytes DESC\nLIMIT {limit}"
    )


def _talkers(source: str, target: str, limit: int = 50) -> str:
    return (
        f"SELECT {source}, {target}, sum(bytes) AS bytes\nFROM flow_logs\nWHERE log_status = 'OK'\n"
        f"GROUP BY {source}, {target}\nORDER BY bytes DESC\nLIMIT {limit}"
    )


def _ranked(by: str, limit: int) -> str:
    return (
        f"SELECT {by}, sum(bytes) AS bytes\nFROM flow_logs\nWHERE {by} IS NOT NULL\n"
        f"GROUP BY {by}\nORDER BY bytes DESC\nLIMIT {limit}"
    )


PREDEFINED: Final = {
    "VpcFlowLogsAcceptedTraffic": _flows(_ACCEPTED),
    "VpcFlowLogsAdminPortTraffic": _flows(
        "dstport IN (22, 135, 445, 3389, 5900, 5985, 5986) AND log_status = 'OK'", limit=10
    ),
    "VpcFlowLogsIPv4Traffic": _flows("strpos(srcaddr, ':') = 0"),
    "VpcFlowLogsIPv6Traffic": _flows("strpos(srcaddr, ':') > 0"),
    "VpcFlowLogsRejectedTCPTraffic": _flows(f"{_REJECTED} AND protocol = 6"),
    "VpcFlowLogsRejectedTraffic": _flows(_REJECTED),
    "VpcFlowLogsSshRdpTraffic": _flows("dstport IN (22, 3389)"),
    "VpcFlowLogsTopTalkers": _ranked("srcaddr", 50),
    "VpcFlowLogsTopTalkersPacketLevel": _ranked("pkt_srcaddr", 50),
    "VpcFlowLogsTopTalkingInstances": _ranked("instance_id", 50),
    "VpcFlowLogsTopTalkingSubnets": _ranked("subnet_id", 50),
    "VpcFlowLogsTopTCPTraffic": _flows("protocol = 6", by="srcaddr, dstaddr, dstport", limit=50),
    "VpcFlowLogsTotalBytesTransferred": _talkers("srcaddr", "dstaddr"),
    "VpcFlowLogsTotalBytesTransferredPacketLevel": _talkers("pkt_srcaddr", "pkt_dstaddr"),
    "VpcFlowLogsTrafficFrmSrcAddr": _ranked("srcaddr", 100),
    "VpcFlowLogsTrafficToDstAddr": _ranked("dstaddr", 100),
}

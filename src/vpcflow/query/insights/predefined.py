"""Queries that are there from the start: what AWS's pages ask of flow logs. What stood for a reader's own values is a parameter.

Source: CloudWatch Logs User Guide, "Sample queries", "cidrlookup"; VPC User Guide, NAT gateway and flow log troubleshooting.
"""

from __future__ import annotations

import uuid
from typing import Final

from vpcflow.state.query_definitions import QueryDefinition, QueryParameter

_SPACE: Final = uuid.UUID("6b1ed7ef-4f7b-5ba6-b6d7-28a16a4ab0f1")

_TEXTS: Final = {
    "VpcFlowLogsTopPacketPairs": """stats sum(packets) as packetsTransferred by srcAddr, dstAddr
| sort packetsTransferred desc
| limit 15""",
    "VpcFlowLogsTopBytesInSubnet": """filter isIpv4InSubnet(srcAddr, "{{subnet}}")
| stats sum(bytes) as bytesTransferred by dstAddr
| sort bytesTransferred desc
| limit 15""",
    "VpcFlowLogsUdpSources": "filter protocol=17 | stats count(*) by srcAddr",
    "VpcFlowLogsSkippedRecordsPerHour": """filter logStatus="SKIPDATA"
| stats count(*) by bin(1h) as t
| sort t""",
    "VpcFlowLogsOneRecordPerConnection": """fields @timestamp, srcAddr, dstAddr, srcPort, dstPort, protocol, bytes
| filter interfaceId = '{{interfaceId}}'
| sort @timestamp desc
| dedup srcAddr, dstAddr, srcPort, dstPort, protocol
| limit 20""",
    "VpcFlowLogsBytesByDestination": "stats avg(bytes), max(bytes) by dstAddr",
    "VpcFlowLogsNatGatewaySenders": """filter (dstAddr like '{{natAddress}}' and srcAddr like '{{vpcBegin}}')
| stats sum(bytes) as bytesTransferred by srcAddr, dstAddr
| sort bytesTransferred desc
| limit 10""",
    "VpcFlowLogsNatGatewayUploads": """filter (srcAddr like '{{natAddress}}' and dstAddr not like '{{vpcBegin}}')
| stats sum(bytes) as bytesTransferred by srcAddr, dstAddr
| sort bytesTransferred desc
| limit 10""",
    "VpcFlowLogsNatGatewayDownloads": """filter (dstAddr like '{{natAddress}}' and srcAddr not like '{{vpcBegin}}')
| stats sum(bytes) as bytesTransferred by srcAddr, dstAddr
| sort bytesTransferred desc
| limit 10""",
    "VpcFlowLogsInterfaces": """parse @message /(?<NetworkInterface>eni-.*?) /
| display NetworkInterface, @message""",
    "VpcFlowLogsRecordsOfInterface": """fields @timestamp, @message, @logStream, @log
| filter interfaceId = '{{interfaceId}}'
| stats count(*) by interfaceId, logStatus
| sort by interfaceId, logStatus""",
    "VpcFlowLogsSourceOwners": """fields @timestamp, srcAddr
| cidrlookup {{table}} srcAddr OUTPUT region, owner, datacenter""",
}

_DEFAULTS: Final = {"vpcBegin": "10."}


def _definition(name: str, text: str) -> QueryDefinition:
    wanted = [one for one in ("subnet", "interfaceId", "natAddress", "vpcBegin", "table") if f"{{{{{one}}}}}" in text]
    parameters = tuple(QueryParameter(one, _DEFAULTS.get(one)) for one in wanted)
    return QueryDefinition(str(uuid.uuid5(_SPACE, name)), name, text, (), parameters)


PREDEFINED: Final = {name: _definition(name, text) for name, text in _TEXTS.items()}
"""By name. What each is for is the text `query_definition.<name>` of the catalogues."""

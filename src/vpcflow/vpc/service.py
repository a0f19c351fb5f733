"""What an interface serves, told from its type, its requester and its description.

Source: EC2 API `NetworkInterface` (InterfaceType, RequesterId, Description); descriptions as the services write them.
"""

from __future__ import annotations

import re
from typing import Final

_BY_TYPE: Final = {
    "nat_gateway": "NAT gateway",
    "regional_nat_gateway": "NAT gateway",
    "network_load_balancer": "ELB",
    "gateway_load_balancer": "ELB",
    "load_balancer": "ELB",
    "transit_gateway": "transit gateway",
    "vpc_endpoint": "VPC endpoint",
    "gateway_load_balancer_endpoint": "VPC endpoint",
    "lambda": "Lambda",
    "efs": "EFS",
    "api_gateway_managed": "API Gateway",
    "global_accelerator_managed": "Global Accelerator",
    "quicksight": "QuickSight",
    "aws_codestar_connections_managed": "CodeStar",
}
_BY_REQUESTER: Final = {
    "amazon-elb": "ELB",
    "amazon-rds": "RDS",
    "amazon-elasticache": "ElastiCache",
    "amazon-redshift": "Redshift",
    "amazon-workspaces": "WorkSpaces",
    "amazon-efs": "EFS",
}
_BY_DESCRIPTION: Final = (
    (re.compile(r"ELB |ELB$", re.IGNORECASE), "ELB"),
    (re.compile(r"RDSNetworkInterface", re.IGNORECASE), "RDS"),
    (re.compile(r"ElastiCache", re.IGNORECASE), "ElastiCache"),
    (re.compile(r"Redshift", re.IGNORECASE), "Redshift"),
    (re.compile(r"WorkSpaces|Created By Amazon Workspaces", re.IGNORECASE), "WorkSpaces"),
    (re.compile(r"Interface for NAT Gateway", re.IGNORECASE), "NAT gateway"),
    (re.compile(r"Network Interface for Transit Gateway", re.IGNORECASE), "transit gateway"),
    (re.compile(r"VPC Endpoint Interface", re.IGNORECASE), "VPC endpoint"),
    (re.compile(r"AWS Lambda VPC ENI", re.IGNORECASE), "Lambda"),
    (re.compile(r"EFS mount target", re.IGNORECASE), "EFS"),
    (re.compile(r"FSx|Created by Amazon FSx", re.IGNORECASE), "FSx"),
    (re.compile(r"Amazon EKS", re.IGNORECASE), "EKS"),
    (re.compile(r"Route 53 Resolver", re.IGNORECASE), "Route 53 Resolver"),
    (re.compile(r"DMSNetworkInterface", re.IGNORECASE), "DMS"),
    (re.compile(r"OpenSearch|ES vpc-", re.IGNORECASE), "OpenSearch"),
    (re.compile(r"directory", re.IGNORECASE), "Directory Service"),
)


def service(kind: str, requester: str, description: str) -> str:
    """Return the service that an interface belongs to; empty for an instance's, and for what is not known.

    kind: `InterfaceType` of the EC2 API. Descriptions are believed only of interfaces that a service made (*requester*).
    """
    found = _BY_TYPE.get(kind) or _BY_REQUESTER.get(requester)
    if found or not (requester or kind != "interface"):
        return found or ""
    return next((name for pattern, name in _BY_DESCRIPTION if pattern.search(description)), "")

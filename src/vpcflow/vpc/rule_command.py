"""A rule change as a command of the AWS CLI, as Terraform, and as the request of the EC2 API.

Source: EC2 API `AuthorizeSecurityGroupIngress`, `RevokeSecurityGroupEgress`, `CreateNetworkAclEntry` …; AWS CLI reference of
the same; Terraform AWS provider `aws_vpc_security_group_ingress_rule`, `aws_network_acl_rule`.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import TYPE_CHECKING, Any

from vpcflow.vpc.matching import ICMP, ICMPV6, TCP, UDP
from vpcflow.vpc.rules import ANY, NetworkAclEntry, SecurityGroupRule

if TYPE_CHECKING:
    from vpcflow.vpc.rule_change import RuleChange

_NAMES = {ANY: "-1", ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6"}


def request(change: RuleChange) -> dict[str, Any]:
    """Return the EC2 operation and its parameters, as `--cli-input-json` and SDKs take them."""
    if isinstance(change.rule, NetworkAclEntry):
        parameters: dict[str, Any] = {
            "NetworkAclId": change.resource,
            "Egress": not change.inbound,
            "RuleNumber": change.rule.number,
        }
        if change.verb == "revoke":
            return {"operation": "DeleteNetworkAclEntry", "parameters": parameters}
        return {"operation": "CreateNetworkAclEntry", "parameters": parameters | _entry(change.rule)}
    side = "Ingress" if change.inbound else "Egress"
    verb = "Authorize" if change.verb == "authorize" else "Revoke"
    # By what it says, to revoke it too: descriptions written by hand have no ids that EC2 knows.
    parameters = {"GroupId": change.resource, "IpPermissions": [_permission(change.rule)]}
    return {"operation": f"{verb}SecurityGroup{side}", "parameters": parameters}


def _entry(entry: NetworkAclEntry) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Protocol": str(entry.protocol),
        "RuleAction": "allow" if entry.allow else "deny",
        "Ipv6CidrBlock" if ":" in entry.cidr else "CidrBlock": entry.cidr,
    }
    if entry.protocol in (TCP, UDP):
        first, last = (0, 65535) if entry.from_port == ANY else (entry.from_port, entry.to_port)
        found["PortRange"] = {"From": first, "To": last}
    elif entry.protocol in (ICMP, ICMPV6):
        found["IcmpTypeCode"] = {"Type": entry.from_port, "Code": entry.to_port}
    return found


def _permission(rule: SecurityGroupRule) -> dict[str, Any]:
    found: dict[str, Any] = {"IpProtocol": _NAMES.get(rule.protocol, str(rule.protocol))}
    if rule.protocol in (TCP, UDP):
        first, last = (0, 65535) if rule.from_port == ANY else (rule.from_port, rule.to_port)
        found |= {"FromPort": first, "ToPort": last}
    elif rule.protocol in (ICMP, ICMPV6):
        found |= {"FromPort": rule.from_port, "ToPort": rule.to_port}
    if rule.peer.startswith("pl-"):
        found["PrefixListIds"] = [{"PrefixListId": rule.peer}]
    elif rule.peer.startswith("sg-"):
        owner = {"UserId": rule.peer_account} if rule.peer_account else {}
        found["UserIdGroupPairs"] = [{"GroupId": rule.peer} | owner]
    elif ":" in rule.peer:
        found["Ipv6Ranges"] = [{"CidrIpv6": rule.peer}]
    else:
        found["IpRanges"] = [{"CidrIp": rule.peer}]
    return found


def aws_cli(change: RuleChange) -> str:
    """Return the command."""
    asked = request(change)
    parameters = asked["parameters"]
    if isinstance(change.rule, NetworkAclEntry):
        words = ["aws", "ec2", "create-network-acl-entry" if change.verb == "authorize" else "delete-network-acl-entry"]
        words += ["--network-acl-id", change.resource, "--ingress" if change.inbound else "--egress"]
        words += ["--rule-number", str(change.rule.number)]
        if change.verb == "authorize":
            words += ["--protocol", parameters["Protocol"], "--rule-action", parameters["RuleAction"]]
            words += ["--ipv6-cidr-block" if ":" in change.rule.cidr else "--cidr-block", change.rule.cidr]
            if "PortRange" in parameters:
                words += ["--port-range", "From={From},To={To}".format(**parameters["PortRange"])]
            if "IcmpTypeCode" in parameters:
                words += ["--icmp-type-code", "Type={Type},Code={Code}".format(**parameters["IcmpTypeCode"])]
        return shlex.join(words)
    side = "ingress" if change.inbound else "egress"
    words = ["aws", "ec2", f"{change.verb}-security-group-{side}", "--group-id", change.resource]
    words += ["--ip-permissions", json.dumps(parameters["IpPermissions"], separators=(",", ":"))]
    return shlex.join(words)


def terraform(change: RuleChange) -> str:
    """Return the resource to add; for a rule that is taken away, a comment that says which."""
    if change.verb == "revoke":
        return f"# remove: {' '.join(change.text.split())}"
    digest = hashlib.sha256(change.text.encode()).hexdigest()[:8]
    if isinstance(change.rule, NetworkAclEntry):
        return _block("aws_network_acl_rule", f"rule_{change.rule.number}_{digest}", _acl_rule(change, change.rule))
    side = "ingress" if change.inbound else "egress"
    return _block(f"aws_vpc_security_group_{side}_rule", f"allow_{digest}", _group_rule(change, change.rule))


def _acl_rule(change: RuleChange, entry: NetworkAclEntry) -> dict[str, object]:
    found: dict[str, object] = {
        "network_acl_id": change.resource,
        "rule_number": entry.number,
        "egress": not change.inbound,
        "protocol": _NAMES.get(entry.protocol, str(entry.protocol)),
        "rule_action": "allow" if entry.allow else "deny",
        "ipv6_cidr_block" if ":" in entry.cidr else "cidr_block": entry.cidr,
    }
    if entry.protocol in (TCP, UDP):
        first, last = (0, 65535) if entry.from_port == ANY else (entry.from_port, entry.to_port)
        found |= {"from_port": first, "to_port": last}
    elif entry.protocol in (ICMP, ICMPV6):
        found |= {"icmp_type": entry.from_port, "icmp_code": entry.to_port}
    return found


def _group_rule(change: RuleChange, rule: SecurityGroupRule) -> dict[str, object]:
    peers = {"pl": "prefix_list_id", "sg": "referenced_security_group_id"}
    kind = peers.get(rule.peer.partition("-")[0], "cidr_ipv6" if ":" in rule.peer else "cidr_ipv4")
    found: dict[str, object] = {
        "security_group_id": change.resource,
        kind: rule.peer,
        "ip_protocol": _NAMES.get(rule.protocol, str(rule.protocol)),
    }
    permission = _permission(rule)
    if "FromPort" in permission:
        found |= {"from_port": permission["FromPort"], "to_port": permission["ToPort"]}
    return found


def _block(kind: str, name: str, values: dict[str, object]) -> str:
    width = max(map(len, values))
    lines = [f"  {key.ljust(width)} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f'resource "{kind}" "{name}" {{', *lines, "}"])

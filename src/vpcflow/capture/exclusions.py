"""What AWS does not log, as a filter on rows.

ARP and neighbor discovery never become rows (`reasons`); here is the rest. The resolver at "VPC base + 2" and the reserved router
address are not among them: a capture alone does not tell what the VPC's base is.

Source: VPC User Guide "Flow log limitations"; EC2 User Guide for the addresses of the link-local services, IPv4 and IPv6.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.capture.networks import Network, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SERVICES: Final = {
    "metadata": ("169.254.169.254", "fd00:ec2::254"),
    "resolver": ("169.254.169.253", "fd00:ec2::253"),
    "time_service": ("169.254.169.123", "fd00:ec2::123"),
    "windows_activation": ("169.254.169.250", "169.254.169.251", "fd00:ec2::250", "fd00:ec2::251"),
}
_RANGES: Final = {reason: tuple(map(Network.parse, texts)) for reason, texts in _SERVICES.items()}
_UDP: Final = 17
_DHCP: Final = ((67, 68), (546, 547))


def logged(rows: NDArray[Any]) -> tuple[NDArray[Any], Counter[str]]:
    """Return the rows that AWS would log, and the packets of the others by reason."""
    reason = np.zeros(len(rows), np.int8)
    names = ["", "dhcp", *_RANGES]
    for ports in _DHCP:
        both = np.isin(rows["srcport"], ports) & np.isin(rows["dstport"], ports)
        reason[both & (rows["protocol"] == _UDP)] = 1
    for number, networks in enumerate(_RANGES.values(), start=2):
        either = within(networks, rows["src"], rows["version"]) | within(networks, rows["dst"], rows["version"])
        reason[either & (reason == 0)] = number
    left = Counter(
        {names[number]: int(rows["packets"][reason == number].sum()) for number in np.unique(reason[reason > 0])}
    )
    return (rows[reason == 0] if left else rows), left

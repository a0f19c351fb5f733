"""Address ranges, and which rows' addresses lie in them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vpcflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_WORD: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Network:
    """A range of addresses, as rows have them: high and low half of its first address, and of its mask."""

    text: str
    version: int
    high: int
    low: int
    mask_high: int
    mask_low: int

    @classmethod
    def parse(cls, text: str) -> Network:
        """Read ``10.0.0.0/8``, ``10.0.0.5`` or ``2001:db8::/32``; UsageError for anything else."""
        try:
            network = ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise UsageError("capture.not_a_network", text=text) from None
        if network.version == 4:
            return cls(str(network), 4, 0, int(network.network_address), 0, int(network.netmask))
        first, mask = int(network.network_address), int(network.netmask)
        return cls(str(network), 6, first >> 64, first & _WORD, mask >> 64, mask & _WORD)

    @classmethod
    def host(cls, version: int, high: int, low: int) -> Network:
        """Return the range of one address."""
        number = high << 64 | low
        address = ipaddress.IPv4Address(low) if version == 4 else ipaddress.IPv6Address(number)
        return cls.parse(str(address))

    def holds(self, addresses: NDArray[np.uint64], version: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell which of *addresses* (N × 2, halves) lie in it."""
        found = (addresses[:, 1] & np.uint64(self.mask_low)) == np.uint64(self.low)
        if self.version == 6:
            found &= (addresses[:, 0] & np.uint64(self.mask_high)) == np.uint64(self.high)
        matching: NDArray[np.bool_] = found & (version == self.version)
        return matching


def within(networks: Iterable[Network], addresses: NDArray[Any], version: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which of *addresses* lie in any of *networks*."""
    found = np.zeros(len(addresses), bool)
    for network in networks:
        found |= network.holds(addresses, version)
    return found

"""Which interfaces there are, and what they are called."""

from __future__ import annotations

import pytest

from vpcflow.app.live import Host, naming
from vpcflow.capture import live
from vpcflow.capture.identity import interface_id
from vpcflow.capture.links import Link, links
from vpcflow.capture.live import Config, Interfaces
from vpcflow.errors import ConfigError
from vpcflow.vpc.topology import Network, NetworkInterface

ETH = Link(2, "eth0", "0e:00:00:00:00:01", blocks=("10.0.1.10/24", "fe80::1/64"))
VLAN = Link(3, "eth0.7", "0e:00:00:00:00:01", blocks=("10.7.0.10/24",))
TUN = Link(4, "tun0", "", blocks=("10.8.0.10/24",))


@pytest.fixture
def there(monkeypatch):
    """Interfaces as they are to be."""
    found = {link.index: link for link in (Link(1, "lo"), ETH, VLAN, TUN)}
    monkeypatch.setattr(live, "links", lambda: dict(found))
    return found


def network(*interfaces):
    return Network(interfaces={one.id: one for one in interfaces})


def test_all_are_all_but_the_loopback_and_a_chosen_one_may_be_it(there):
    assert sorted(Interfaces(Config(machine="m")).here) == [2, 3, 4]
    assert sorted(Interfaces(Config(("lo",), machine="m")).here) == [1]


def test_one_that_is_not_there_is_an_error_with_those_that_are(there):
    with pytest.raises(ConfigError) as error:
        Interfaces(Config(("eth1",)))
    assert error.value.hint == "there are: eth0, eth0.7, lo, tun0"


def test_ids_come_from_the_network_by_mac_or_address_else_from_machine_and_name(there):
    known = network(
        NetworkInterface("eni-1", "vpc-1", "subnet-1", addresses=("10.0.1.10",), mac="0E:00:00:00:00:01"),
        NetworkInterface("eni-8", "vpc-1", "subnet-1", addresses=("10.8.0.10",)),
    )
    found = Interfaces(Config(machine="m", name_of=naming(Host(), known)))
    assert found.ids == {"eni-1": "eth0", interface_id("m", "eth0.7"): "eth0.7", "eni-8": "tun0"}


def test_the_network_goes_before_ec2(there):
    host = Host(interface_ids={"0e:00:00:00:00:01": "eni-e"})
    assert naming(host, network())(ETH) == "eni-e"
    assert naming(host, network(NetworkInterface("eni-n", "", "", mac="0e:00:00:00:00:01")))(ETH) == "eni-n"


def test_an_interface_that_is_gone_keeps_its_id_for_what_was_counted(there):
    found = Interfaces(Config(machine="m"))
    del there[4]
    found.refresh()
    assert found.id_of(4) == interface_id("m", "tun0")
    assert "tun0" not in found.ids.values()
    assert found.id_of(99) == interface_id("m", "if99")


def test_the_kernel_tells_of_its_loopback():
    (lo,) = [link for link in links().values() if link.name == "lo"]
    assert lo.index == 1
    assert lo.mac == ""

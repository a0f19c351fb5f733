"""Where a lab's keeper can be found belongs to who runs it, and is no way to somewhere else."""

from __future__ import annotations

import pytest

from vpcflow.errors import ConfigError
from vpcflow.lab.home import Home


@pytest.mark.parametrize("kind", ["link", "file", "open to all"])
def test_a_home_that_another_may_have_chosen_is_refused(tmp_path, kind):
    (tmp_path / "mine").mkdir(mode=0o700)
    place = tmp_path / "lab"
    if kind == "link":
        place.symlink_to(tmp_path / "mine")
    elif kind == "file":
        place.touch(0o600)
    else:
        place.mkdir()
        place.chmod(0o777)
    with pytest.raises(ConfigError) as raised:
        Home(place).check_owner()
    assert raised.value.code == "lab.not_yours"
    assert not list((tmp_path / "mine").iterdir())

"""How busy the network is at each hour: quiet nights, a peak in the afternoon, calmer weekends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from vpcflow.generate.config import Config
    from vpcflow.generate.rows import Floats, Ints

_HOUR_S: Final = 3_600
_PEAK_HOUR: Final = 15
_SWING: Final = 0.55
_WEEKEND: Final = 0.65
_STEP_S: Final = 300


class Load:
    """The span's records on a scale from 0 (first) to 1 (last), by time."""

    def __init__(self, config: Config) -> None:
        self._start, self._span_s = config.start, config.span_s
        edges = np.append(np.arange(0, config.span_s, _STEP_S), config.span_s).astype(np.float64)
        busy = _activity(config.start + (edges[1:] + edges[:-1]) / 2) * np.diff(edges)
        share = np.cumsum(busy)
        self._edges, self._share = edges, np.insert(share / share[-1], 0, 0.0)

    def time(self, place: Floats) -> Ints:
        """Return the epoch second of each *place* (0 to 1): busy hours take more of the scale."""
        seconds = np.interp(place, self._share, self._edges).astype(np.int64)
        return self._start + np.minimum(seconds, self._span_s - 1)


def _activity(time: Floats) -> Floats:
    hour = time / _HOUR_S % 24
    day = (time // (24 * _HOUR_S) + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    daily = 1 + _SWING * np.cos((hour - _PEAK_HOUR) * (2 * np.pi / 24))
    return daily * np.where(day >= 5, _WEEKEND, 1.0)

"""Window functions: Trino's "Window functions"; aggregates with OVER are in `aggregate`."""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final = r"""
window row_number() bigint -> row_number
window rank() bigint -> rank
window dense_rank() bigint -> dense_rank
window percent_rank() double -> percent_rank
window cume_dist() double -> cume_dist
window ntile(n bigint) bigint -> ntile
window first_value(x T) T -> first_value
window last_value(x T) T -> last_value
window nth_value(x T, n bigint) T -> nth_value
window lag(x T) T -> lag
window lag(x T, n bigint) T -> lag
window lag(x T, n bigint, other T) T -> lag
window lead(x T) T -> lead
window lead(x T, n bigint) T -> lead
window lead(x T, n bigint, other T) T -> lead
"""

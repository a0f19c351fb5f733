"""Addresses: Trino's "IP address functions". An ipaddress is held as 32 hexadecimal digits, IPv4 mapped to ::ffff:0:0/96."""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final = r"""
internal once ip(x varchar) ipaddress = coalesce(trino_try_ip(x), CASE WHEN x IS NOT NULL THEN error('Cannot cast value to IPADDRESS: ' || x) END)
internal ip4_part(x varchar, place bigint) varchar = printf('%02x', TRY_CAST(split_part(x, '.', place) AS INTEGER))
internal once ip4_hex(x varchar) varchar = trino_ip4_part(x, 1) || trino_ip4_part(x, 2) || trino_ip4_part(x, 3) || trino_ip4_part(x, 4)
internal once try_ip(x varchar) ipaddress = CASE
  WHEN regexp_full_match(x, '((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])')
  THEN '00000000000000000000ffff' || trino_ip4_hex(x)
  WHEN contains(x, ':') AND contains(x, '.') THEN CASE WHEN regexp_full_match(x, '.*:[0-9]+(\.[0-9]+){3}')
    THEN trino_try_ip6(regexp_extract(x, '^(.*:)[0-9.]+$', 1) || trino_ip4_hex(regexp_extract(x, '([0-9.]+)$', 1))[1:4] || ':'
      || trino_ip4_hex(regexp_extract(x, '([0-9.]+)$', 1))[5:8]) END
  WHEN contains(x, ':') THEN trino_try_ip6(x) END
internal once try_ip6(x varchar) ipaddress = CASE WHEN regexp_full_match(x, '([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}')
  OR (regexp_full_match(x, '([0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4})*)?::([0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4})*)?')
    AND len(list_filter(string_split(x, ':'), lambda part: part <> '')) <= 7) THEN ip6_key(x) END
internal once ip_text(k ipaddress) varchar = CASE WHEN starts_with(k, '00000000000000000000ffff') THEN concat_ws('.',
  CAST('0x' || k[25:26] AS INTEGER), CAST('0x' || k[27:28] AS INTEGER), CAST('0x' || k[29:30] AS INTEGER), CAST('0x' || k[31:32] AS INTEGER))
  WHEN k IS NOT NULL THEN trino_ip6_text(list_transform([1, 5, 9, 13, 17, 21, 25, 29],
    lambda i: CASE WHEN ltrim(k[i:i + 3], '0') = '' THEN '0' ELSE ltrim(k[i:i + 3], '0') END)) END
internal ip6_text(groups array(varchar)) varchar = trino_ip6_short(array_to_string(groups, ':'))
internal once ip6_short(x varchar) varchar = CASE
  WHEN x = '0:0:0:0:0:0:0:0' THEN '::'
  ELSE trino_ip6_cut(x, trino_ip6_run(x)) END
internal once ip6_run(x varchar) varchar = list_filter(['0:0:0:0:0:0:0', '0:0:0:0:0:0', '0:0:0:0:0', '0:0:0:0', '0:0:0', '0:0'],
  lambda zeros: contains(':' || x || ':', ':' || zeros || ':'))[1]
internal once ip6_cut(x varchar, zeros varchar) varchar = CASE WHEN zeros IS NULL THEN x
  ELSE rtrim(split_part(':' || x || ':', ':' || zeros || ':', 1), ':')[2:] || '::'
    || substring(':' || x || ':', strpos(':' || x || ':', ':' || zeros || ':') + length(zeros) + 2).rtrim(':') END
internal ip_number(digits varchar) bigint = CAST('0x' || digits AS BIGINT)
internal once ip_mask(k ipaddress, n bigint) ipaddress = CASE WHEN n % 4 = 0 THEN rpad(k[1:n // 4], 32, '0')
  ELSE rpad(k[1:n // 4] || printf('%x', CAST('0x' || k[n // 4 + 1:n // 4 + 1] AS INTEGER) // CAST(power(2, 4 - n % 4) AS INTEGER)
    * CAST(power(2, 4 - n % 4) AS INTEGER)), 32, '0') END
internal once ip_fill(k ipaddress, n bigint) ipaddress = CASE WHEN n % 4 = 0 THEN rpad(k[1:n // 4], 32, 'f')
  ELSE rpad(k[1:n // 4] || printf('%x', CAST('0x' || k[n // 4 + 1:n // 4 + 1] AS INTEGER) | (CAST(power(2, 4 - n % 4) AS INTEGER) - 1)), 32, 'f') END
internal ip_is4(k ipaddress) boolean = starts_with(k, '00000000000000000000ffff')
internal once ip_bits(p ipprefix) bigint = CAST(split_part(p, '/', 2) AS BIGINT) + CASE WHEN trino_ip_is4(p) THEN 96 ELSE 0 END
internal once prefix(x varchar) ipprefix = coalesce(trino_try_prefix(x), CASE WHEN x IS NOT NULL THEN error('Cannot cast value to IPPREFIX: ' || x) END)
internal once try_prefix(x varchar) ipprefix = CASE WHEN regexp_full_match(x, '[^/]+/[0-9]{1,3}') THEN
  trino_checked_prefix(trino_try_ip(split_part(x, '/', 1)), CAST(split_part(x, '/', 2) AS BIGINT)) END
internal once checked_prefix(k ipaddress, n bigint) ipprefix = CASE WHEN n <= CASE WHEN trino_ip_is4(k) THEN 32 ELSE 128 END
  THEN trino_ip_mask(k, n + CASE WHEN trino_ip_is4(k) THEN 96 ELSE 0 END) || '/' || n END
internal once prefix_text(p ipprefix) varchar = trino_ip_text(left(p, 32)) || '/' || split_part(p, '/', 2)
internal once within(p ipprefix, k ipaddress) boolean = k BETWEEN left(p, 32) AND trino_ip_fill(left(p, 32), trino_ip_bits(p))
contains(network varchar, x ipaddress) boolean = trino_within(trino_prefix(network), x)
once ip_prefix(x ipaddress, n bigint) ipprefix = CASE WHEN n < 0 OR n > CASE WHEN trino_ip_is4(x) THEN 32 ELSE 128 END
  THEN error('Invalid prefix length ' || n) ELSE trino_checked_prefix(x, n) END
ip_prefix(x varchar, n bigint) ipprefix = trino_ip_prefix_0(trino_ip(x), n)
ip_subnet_min(p ipprefix) ipaddress = left(p, 32)
once ip_subnet_max(p ipprefix) ipaddress = trino_ip_fill(left(p, 32), trino_ip_bits(p))
once ip_subnet_range(p ipprefix) array(ipaddress) = [left(p, 32), trino_ip_subnet_max_0(p)]
is_subnet_of(p ipprefix, x ipaddress) boolean = trino_within(p, x)
once is_subnet_of(p ipprefix, other ipprefix) boolean = trino_within(p, left(other, 32)) AND trino_ip_bits(other) >= trino_ip_bits(p)
"""

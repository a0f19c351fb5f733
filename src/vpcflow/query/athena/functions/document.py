"""JSON: Trino's "JSON functions"."""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final = r"""
json_parse(x varchar) json = CASE WHEN json_valid(x) THEN CAST(json(x) AS JSON) WHEN x IS NOT NULL
  THEN error('Cannot convert value to JSON: ''' || x || '''') END
json_format(x json) varchar = CAST(x AS VARCHAR)
internal json_path(path varchar) varchar = regexp_replace(path, '\["([^"]*)"\]', '."\1"', 'g')
json_extract(x json, path varchar) json = json_extract(x, trino_json_path(path))
json_extract(x varchar, path varchar) json = CASE WHEN json_valid(x) THEN json_extract(CAST(x AS JSON), trino_json_path(path)) END
json_extract_scalar(x json, path varchar) varchar = CASE WHEN json_type(x, trino_json_path(path)) NOT IN ('OBJECT', 'ARRAY', 'NULL')
  THEN json_extract_string(x, trino_json_path(path)) END
json_extract_scalar(x varchar, path varchar) varchar = CASE WHEN json_valid(x) THEN trino_json_extract_scalar_0(CAST(x AS JSON), path) END
json_array_length(x json) bigint = CASE WHEN json_type(x) = 'ARRAY' THEN CAST(json_array_length(x) AS BIGINT) END
json_array_length(x varchar) bigint = CASE WHEN json_valid(x) THEN trino_json_array_length_0(CAST(x AS JSON)) END
json_array_get(x json, place bigint) json = CASE WHEN json_type(x) = 'ARRAY' THEN
  json_extract(x, CAST(CASE WHEN place < 0 THEN json_array_length(x) + place ELSE place END AS BIGINT)) END
json_array_get(x varchar, place bigint) json = CASE WHEN json_valid(x) THEN trino_json_array_get_0(CAST(x AS JSON), place) END
json_array_contains(x json, value bigint) boolean = trino_json_has(x, value, ['BIGINT', 'UBIGINT'])
json_array_contains(x json, value double) boolean = trino_json_has(x, value, ['DOUBLE'])
json_array_contains(x json, value varchar) boolean = trino_json_has(x, value, ['VARCHAR'])
json_array_contains(x json, value boolean) boolean = trino_json_has(x, value, ['BOOLEAN'])
json_array_contains(x varchar, value bigint) boolean = CASE WHEN json_valid(x) THEN trino_json_has(CAST(x AS JSON), value, ['BIGINT', 'UBIGINT']) END
json_array_contains(x varchar, value double) boolean = CASE WHEN json_valid(x) THEN trino_json_has(CAST(x AS JSON), value, ['DOUBLE']) END
json_array_contains(x varchar, value varchar) boolean = CASE WHEN json_valid(x) THEN trino_json_has(CAST(x AS JSON), value, ['VARCHAR']) END
json_array_contains(x varchar, value boolean) boolean = CASE WHEN json_valid(x) THEN trino_json_has(CAST(x AS JSON), value, ['BOOLEAN']) END
internal json_has(x json, value T, kinds array(varchar)) boolean = CASE WHEN json_type(x) = 'ARRAY' AND value IS NOT NULL THEN
  len(list_filter(json_extract(x, '$[*]'), lambda one: list_contains(kinds, json_type(one)) AND json_extract_string(one, '$') = CAST(value AS VARCHAR))) > 0 END
json_size(x json, path varchar) bigint = CAST(CASE json_type(x, path) WHEN 'ARRAY' THEN json_array_length(x, path) WHEN 'OBJECT'
  THEN len(json_keys(x, path)) ELSE 0 END AS BIGINT)
json_size(x varchar, path varchar) bigint = CASE WHEN json_valid(x) THEN trino_json_size_0(CAST(x AS JSON), path) END
is_json_scalar(x json) boolean = json_type(x) NOT IN ('OBJECT', 'ARRAY')
is_json_scalar(x varchar) boolean = trino_is_json_scalar_0(trino_json_parse_0(x))
"""

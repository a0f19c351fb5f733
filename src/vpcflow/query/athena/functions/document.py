"""JSON: Trino's "JSON functions"."""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final = r"""
json_parse(x varchar) json = CASE WHEN json_valid(x) THEN CAST(x AS JSON) WHEN x IS NOT NULL
  THEN error('Cannot convert value to JSON: ''' || x || '''') END
json_format(x json) varchar = CAST(x AS VARCHAR)
json_extract(x json, path varchar) json -> json_extract
json_extract(x varchar, path varchar) json = CASE WHEN json_valid(x) THEN json_extract(CAST(x AS JSON), path) END
json_extract_scalar(x json, path varchar) varchar = CASE WHEN json_type(x, path) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN json_extract_string(x, path) END
json_extract_scalar(x varchar, path varchar) varchar = CASE WHEN json_valid(x) THEN trino_json_extract_scalar_0(CAST(x AS JSON), path) END
json_array_length(x json) bigint = CASE WHEN json_type(x) = 'ARRAY' THEN CAST(json_array_length(x) AS BIGINT) END
json_array_length(x varchar) bigint = CASE WHEN json_valid(x) THEN trino_json_array_length_0(CAST(x AS JSON)) END
json_size(x json, path varchar) bigint = CASE json_type(x, path) WHEN 'ARRAY' THEN json_array_length(x, path) WHEN 'OBJECT'
  THEN len(json_keys(x, path)) ELSE 0 END
is_json_scalar(x json) boolean = json_type(x) NOT IN ('OBJECT', 'ARRAY')
"""

"""Trino's functions that DuckDB has none like, as macros of DuckDB's own SQL: name -> parameters and meaning.

An engine defines those that a plan's text names. What fails says so by a cast that cannot be done: DuckDB's
own error() would not be let into TRY. The text is `onyx:CODE:sentence`.
"""
# SQL reads better in lines of its own length.
# ruff: noqa: E501

import re


def _fail(code: str, sentence: str, kind: str = "BIGINT") -> str:
    return f"CAST('onyx:{code}:' || {sentence} AS {kind})"


_BEYOND = _fail(
    "INVALID_ARGUMENT",
    "'There is no element ' || i || ' in an array of ' || len(a) || ': element_at(array, n) gives null there'",
)
_ZERO = _fail("INVALID_ARGUMENT", "'The elements of an array are counted from 1, not from ' || i")
_LONG = _fail(
    "INVALID_ARGUMENT", "'A sequence has at most 10000 elements, not those from ' || a || ' to ' || b"
)
_NO_STEP = _fail(
    "INVALID_ARGUMENT", "'A sequence from ' || a || ' to ' || b || ' needs a step that leads there'"
)
_MANY = _fail("INVALID_ARGUMENT", "'An element is repeated at most 10000 times, not ' || n")
_WIDE = _fail(
    "INVALID_ARGUMENT", "'A text is padded to 0 to 1000000 characters at most, not ' || n", "INTEGER"
)
_MANY_MOMENTS = _fail(
    "INVALID_ARGUMENT",
    "'A sequence has at most 10000 elements, not those from ' || a || ' to ' || b",
    "INTERVAL",
)
_NO_JSON = _fail("INVALID_CAST", "'This is no JSON: ' || left(j, 60)", "JSON")
_DIGITS = "'0123456789abcdefghijklmnopqrstuvwxyz'"

MACROS: dict[str, str] = {
    # Arrays
    "onyx_subscript(a, i)": f"a[CASE WHEN i < 1 OR i > len(a) THEN {_BEYOND} ELSE i END]",
    "onyx_element_at(a, i)": f"a[CASE WHEN i = 0 THEN {_ZERO} ELSE i END]",
    "onyx_contains(a, x)": """CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN true
        WHEN len(a) > list_count(a) THEN NULL ELSE false END""",
    "onyx_distinct(a)": "list_filter(a, lambda onyx_e, onyx_i: list_position(a, onyx_e) = onyx_i)",
    "onyx_greatest(a)": "CASE WHEN len(a) = list_count(a) THEN list_max(a) END",
    "onyx_least(a)": "CASE WHEN len(a) = list_count(a) THEN list_min(a) END",
    "onyx_position(a, x)": "CASE WHEN a IS NOT NULL AND x IS NOT NULL THEN coalesce(list_position(a, x), 0) END",
    "onyx_remove(a, x)": """CASE WHEN x IS NOT NULL
        THEN list_filter(a, lambda onyx_e: onyx_e IS DISTINCT FROM x) END""",
    "onyx_concat(a, b)": "CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_concat(a, b) END",
    "onyx_intersect(a, b)": """CASE WHEN b IS NOT NULL THEN list_filter(a, lambda onyx_e, onyx_i:
        list_position(b, onyx_e) IS NOT NULL AND list_position(a, onyx_e) = onyx_i) END""",
    "onyx_except(a, b)": """CASE WHEN b IS NOT NULL THEN list_filter(a, lambda onyx_e, onyx_i:
        list_position(b, onyx_e) IS NULL AND list_position(a, onyx_e) = onyx_i) END""",
    "onyx_overlap(a, b)": """CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN list_has_any(a, b) THEN true
        WHEN len(a) > list_count(a) OR len(b) > list_count(b) THEN NULL ELSE false END""",
    "onyx_slice(a, i, n)": f"""list_slice(a,
        CASE WHEN i = 0 THEN {_ZERO} WHEN i > 0 THEN i WHEN -i > len(a) THEN len(a) + 1 ELSE len(a) + i + 1 END,
        CASE WHEN n < 0 THEN {_fail("INVALID_ARGUMENT", "'The length of a slice is not negative'")}
        WHEN i > 0 THEN i + n - 1 ELSE len(a) + i + n END)""",
    "onyx_joined(a, d)": "CASE WHEN d IS NOT NULL AND a IS NOT NULL THEN coalesce(array_to_string(a, d), '') END",
    "onyx_joined_all(a, d, n)": """CASE WHEN d IS NOT NULL AND a IS NOT NULL THEN coalesce(array_to_string(
        list_transform(a, lambda onyx_e: coalesce(onyx_e, n)), d), '') END""",
    "onyx_sequence(a, b, s)": f"""generate_series(a, b, CASE
        WHEN s = 0 OR (b > a AND s < 0) OR (b < a AND s > 0) THEN {_NO_STEP}
        WHEN abs(b - a) // abs(s) >= 10000 THEN {_LONG} ELSE s END)""",
    "onyx_days(a, b)": """list_transform(onyx_sequence(0, date_diff('day', a, b), CASE WHEN b < a THEN -1 ELSE 1 END),
        lambda onyx_e: a + CAST(onyx_e AS INTEGER))""",
    "onyx_moments(a, b, s)": f"""generate_series(a, b, CASE
        WHEN abs(epoch(b) - epoch(a)) >= 10000 * abs(epoch(s)) THEN {_MANY_MOMENTS} ELSE s END)""",
    "onyx_times(n)": f"CASE WHEN n > 10000 THEN {_MANY} ELSE n END",
    "onyx_any(r)": """CASE WHEN r IS NULL THEN NULL WHEN list_contains(r, true) THEN true
        WHEN len(r) > list_count(r) THEN NULL ELSE false END""",
    "onyx_all(r)": """CASE WHEN r IS NULL THEN NULL WHEN list_contains(r, false) THEN false
        WHEN len(r) > list_count(r) THEN NULL ELSE true END""",
    # Maps. Of two values of one key the first is kept.
    "onyx_map_of(e)": """CASE WHEN e IS NOT NULL THEN map_from_entries(list_filter(e, lambda onyx_e, onyx_i:
        onyx_e.key IS NOT NULL
        AND list_position(list_transform(e, lambda onyx_f: onyx_f.key), onyx_e.key) = onyx_i)) END""",
    "onyx_multimap_of(e)": """CASE WHEN e IS NOT NULL THEN map_from_entries(list_transform(
        list_filter(onyx_distinct(list_transform(e, lambda onyx_f: onyx_f.key)), lambda onyx_k: onyx_k IS NOT NULL),
        lambda onyx_k: struct_pack(key := onyx_k, value := list_transform(
            list_filter(e, lambda onyx_f: onyx_f.key = onyx_k), lambda onyx_f: onyx_f.value)))) END""",
    "onyx_map_concat(a, b)": "CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN map_concat(a, b) END",
    "onyx_split_to_map(s, d, k)": """map_from_entries(list_transform(string_split(s, d), lambda onyx_e:
        struct_pack(key := split_part(onyx_e, k, 1), value := substr(onyx_e, strpos(onyx_e, k) + length(k)))))""",
    # JSON: text that is none reads as null.
    "onyx_json(j)": "CASE WHEN json_valid(CAST(j AS VARCHAR)) THEN CAST(j AS JSON) END",
    "onyx_json_parse(j)": f"CASE WHEN j IS NULL THEN NULL WHEN json_valid(j) THEN json(j) ELSE {_NO_JSON} END",
    "onyx_json_extract(j, p)": "json_extract(onyx_json(j), p)",
    "onyx_json_scalar(j, p)": """CASE WHEN json_type(onyx_json(j), p) NOT IN ('OBJECT', 'ARRAY', 'NULL')
        THEN json_extract_string(onyx_json(j), p) END""",
    "onyx_json_exists(j, p)": "json_exists(onyx_json(j), p)",
    "onyx_json_length(j)": "CASE WHEN json_type(onyx_json(j)) = 'ARRAY' THEN json_array_length(onyx_json(j)) END",
    "onyx_json_contains(j, x)": """CASE WHEN json_type(onyx_json(j)) = 'ARRAY' AND x IS NOT NULL
        THEN list_contains(from_json(onyx_json(j), '["JSON"]'), to_json(x)) END""",
    "onyx_json_get(j, i)": """CASE WHEN json_type(onyx_json(j)) = 'ARRAY'
        THEN from_json(onyx_json(j), '["JSON"]')[CASE WHEN i < 0 THEN i ELSE i + 1 END] END""",
    "onyx_json_size(j, p)": """CASE json_type(onyx_json(j), p) WHEN 'OBJECT' THEN len(json_keys(onyx_json(j), p))
        WHEN 'ARRAY' THEN json_array_length(onyx_json(j), p)
        ELSE if(json_type(onyx_json(j), p) IS NULL, NULL, 0) END""",
    "onyx_json_text(j)": """CASE json_type(j) WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN json_extract_string(j, '$')
        ELSE CAST(json(CAST(j AS VARCHAR)) AS VARCHAR) END""",
    # Texts
    "onyx_regexp_extract(s, p, g)": "CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END",
    "onyx_width(n)": f"CASE WHEN n < 0 OR n > 1000000 THEN {_WIDE} ELSE CAST(n AS INTEGER) END",
    "onyx_grouped(t)": """CASE WHEN t LIKE '-%' THEN '-' ELSE '' END
        || format('{:,}', CAST(split_part(ltrim(t, '-'), '.', 1) AS HUGEINT))
        || CASE WHEN contains(t, '.') THEN '.' || split_part(t, '.', 2) ELSE '' END""",
    "onyx_width_bucket(x, a, b, n)": f"""CASE
        WHEN n < 1 OR a = b THEN {_fail("INVALID_ARGUMENT", "'width_bucket needs bounds apart and a bucket'")}
        WHEN (a < b AND x < a) OR (a > b AND x > a) THEN 0 WHEN (a < b AND x >= b) OR (a > b AND x <= b) THEN n + 1
        ELSE CAST(floor(n * (x - a) / (b - a)) AS BIGINT) + 1 END""",
    "onyx_from_base(s, r)": f"""list_reduce(list_transform(string_split(lower(s), ''), lambda onyx_e: CASE
        WHEN strpos({_DIGITS}, onyx_e) BETWEEN 1 AND r THEN CAST(strpos({_DIGITS}, onyx_e) - 1 AS BIGINT)
        ELSE {_fail("INVALID_CAST", "s || ' is no number of base ' || r")} END),
        lambda onyx_s, onyx_e: onyx_s * r + onyx_e, CAST(0 AS BIGINT))""",
    # Addresses: null for what is none
    "onyx_url(u)": r"CASE WHEN NOT regexp_matches(u, '[\s<>\"{}|\\^`]') THEN u END",
    "onyx_url_authority(u)": "regexp_extract(onyx_url(u), '^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)', 1)",
    "onyx_url_protocol(u)": "regexp_extract(onyx_url(u), '^([A-Za-z][A-Za-z0-9+.-]*):', 1)",
    "onyx_url_host(u)": "regexp_extract(onyx_url_authority(u), '^(?:[^@]*@)?(\\[[^]]*\\]|[^:]*)', 1)",
    "onyx_url_port(u)": "TRY_CAST(nullif(regexp_extract(onyx_url_authority(u), ':([0-9]+)$', 1), '') AS BIGINT)",
    "onyx_url_path(u)": """url_decode(regexp_extract(
        onyx_url(u), '^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)', 1))""",
    "onyx_url_query(u)": "url_decode(regexp_extract(onyx_url(u), '^[^?#]*\\?([^#]*)', 1))",
    "onyx_url_fragment(u)": "url_decode(regexp_extract(onyx_url(u), '#(.*)$', 1))",
    "onyx_url_parameter(u, n)": """url_decode(replace(list_filter(
        string_split(regexp_extract(onyx_url(u), '^[^?#]*\\?([^#]*)', 1), '&'),
        lambda onyx_e: split_part(onyx_e, '=', 1) = n)[1][length(n) + 2:], '+', ' '))""",
    "onyx_url_encode(s)": "replace(replace(replace(url_encode(s), '%20', '+'), '%2A', '*'), '~', '%7E')",
    "onyx_url_decode(s)": "url_decode(replace(s, '+', ' '))",
}

_NAME = re.compile(r"\bonyx_\w+", re.IGNORECASE)
_BY_NAME = {head.partition("(")[0]: (head, body) for head, body in MACROS.items()}


def macros_for(sql: str) -> list[str]:
    """The statements that define what `sql` names of these, each before those that use it."""
    made: dict[str, str] = {}

    def need(text: str) -> None:
        for name in dict.fromkeys(each.lower() for each in _NAME.findall(text)):
            if name in _BY_NAME and name not in made:
                head, body = _BY_NAME[name]
                need(body)
                made[name] = f"CREATE TEMP MACRO {head} AS ({body})"

    need(sql)
    return list(made.values())

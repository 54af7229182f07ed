"""Texts, bytes and addresses, against trino.io/docs/current/functions/{string,binary,url,conversion}.html."""
# One example a line reads better than one that is broken for its length.

from collections.abc import Callable
from typing import Any

import pytest

URL = "'http://ada@example.com:8080/a/b?x=1&y=a%20b#frag'"
EXAMPLES: list[tuple[str, Any]] = [
    ("lpad('abc', 5, 'xy')", "xyabc"),
    ("lpad('abc', 2, 'x')", "ab"),
    ("rpad('abc', 6, 'xy')", "abcxyx"),
    ("lpad(NULL, 2, 'x')", None),
    ("chr(65)", "A"),
    ("codepoint('A')", 65),
    ("concat_ws(',', 'a', NULL, 'b')", "a,b"),
    ("concat_ws('-', ARRAY['a', 'b'])", "a-b"),
    ("translate('abcd', 'a', 'z')", "zbcd"),
    ("translate('abcda', 'a', '')", "bcd"),
    ("translate('Palhoça', 'ç', 'c')", "Palhoca"),
    ("ends_with('abc', 'bc')", True),
    ("starts_with('abc', 'ab')", True),
    ("levenshtein_distance('apple', 'epplea')", 2),
    ("hamming_distance('ab', 'ac')", 1),
    ("normalize('é')", "é"),
    ("format('%s%%', 123)", "123%"),
    ("format('%05d', 8)", "00008"),
    ("format('%,.2f', 1234567.125)", "1,234,567.13"),
    ("format('$%,.2f', -1234.5)", "$-1,234.50"),
    ("format('%.2f', -0.005)", "-0.01"),
    ("format('%s %s', 'a', true)", "a true"),
    ("format('%-4s|%4s', 'ab', 'cd')", "ab  |  cd"),
    ("format('%,d', 1234567)", "1,234,567"),
    ("to_hex(to_utf8('ab'))", "6162"),
    ("from_utf8(from_hex('6162'))", "ab"),
    ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    ("to_hex(sha1(to_utf8('a')))", "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8"),
    ("to_hex(sha256(to_utf8('a')))", "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB"),
    ("to_base64(to_utf8('a'))", "YQ=="),
    ("from_utf8(from_base64('YQ=='))", "a"),
    (f"url_extract_protocol({URL})", "http"),
    (f"url_extract_host({URL})", "example.com"),
    (f"url_extract_port({URL})", 8080),
    ("url_extract_port('http://example.com/')", None),
    (f"url_extract_path({URL})", "/a/b"),
    (f"url_extract_query({URL})", "x=1&y=a b"),
    (f"url_extract_fragment({URL})", "frag"),
    (f"url_extract_parameter({URL}, 'y')", "a b"),
    (f"url_extract_parameter({URL}, 'z')", None),
    ("url_extract_host('a b')", None),
    ("url_encode('a b&c')", "a+b%26c"),
    ("url_decode('a+b%26c')", "a b&c"),
    ("'a!b' LIKE 'a!!b' ESCAPE '!'", True),
    ("'a_b' NOT LIKE 'a!_b' ESCAPE '!'", False),
    ("NULL LIKE 'a!_b' ESCAPE '!'", None),
    ("typeof('a')", "varchar"),
    ("typeof(ARRAY[1])", "array(bigint)"),
    ("typeof(MAP(ARRAY['a'], ARRAY['b']))", "map(varchar, varchar)"),
    ("typeof(1.5)", "decimal(38,1)"),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("format('%x', 1)", "UNSUPPORTED_FUNCTION"),
        ("format('%s', 1e0)", "UNSUPPORTED_FUNCTION"),
        ("format('%s %s', 1)", "TYPE_MISMATCH"),
        ("md5('a')", "TYPE_MISMATCH"),
        ("word_stem('running')", "UNSUPPORTED_FUNCTION"),
        ("checksum(N) FROM charges", "UNSUPPORTED_FUNCTION"),
        ("lpad(1, 2, 'x')", "TYPE_MISMATCH"),
        ("split('a', '')", "UNSUPPORTED_SQL"),
        ("made_up('a')", "UNSUPPORTED_FUNCTION"),
    ],
)
def test_what_fails_or_is_refused(expression: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(expression) == expected

"""Addresses that tenants may ask, against the spellings of public SSRF lists."""

import pytest

from services.workflow.adapters.actions.addresses import Target, is_public, target
from services.workflow.domain.runtime_ports import ActionFailed

NONE = frozenset[str]()

# After PayloadsAllTheThings "Server Side Request Forgery" and cujanovic/SSRF-Testing.
REFUSED = r"""
http://example.com/
https://example.com:8443/
https://example.com:0/
https://example.com:99999/
ftp://example.com/
file:///etc/passwd
gopher://127.0.0.1:25/
dict://127.0.0.1:11211/
//example.com/
example.com
https:/example.com
https:///example.com
https://user@example.com/
https://user:pass@example.com/
https://example.com@127.0.0.1/
https://127.0.0.1#@example.com/
https://example.com\@127.0.0.1/
https://127.0.0.1\@example.com/
https://example.com/#x
https://2130706433/
https://017700000001/
https://0177.0.0.1/
https://0177.0000.0000.0001/
https://0x7f000001/
https://0x7f.0x0.0x0.0x1/
https://0x7f.1/
https://127.1/
https://127.0.1/
https://127.0.0.1./
https://0/
https://0.0.0.0.0/
https://1.2.3.4.5/
https://256.256.256.256/
https://①②⑦.⓪.⓪.①/
https://ⓔⓧⓐⓜⓟⓛⓔ.ⓒⓞⓜ/
https://127。0。0。1/
https://example.com /
https://exa mple.com/
https://example.com%2f@127.0.0.1/
https://%31%32%37.0.0.1/
https://[::1%25lo]/
https://[fe80::1%eth0]/
https://[::ffff:127.0.0.1/
https://[zz::1]/
https://[::1]evil.com/
https://-example.com/
https://example..com/
https://.example.com/
https://exam\tple.com/
https://exam\nple.com/
https://127.0.0.1:443:80/
https://example.com:443@127.0.0.1/
https://169.254.169.254.0x/
"""


@pytest.mark.parametrize(
    "url",
    [
        line.encode().decode("unicode_escape") if "\\t" in line or "\\n" in line else line
        for line in REFUSED.strip().splitlines()
    ],
)
def test_a_strange_spelling_is_refused(url: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        target(url, None, NONE)
    assert caught.value.code == "URL_REFUSED"
    assert not caught.value.retryable


INNER = """
127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 169.254.170.2 100.64.0.1 0.0.0.0
0.1.2.3
192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2001:0:7f00:1:: fe80::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1
100::1
2001:db8::1 not-an-address
"""


@pytest.mark.parametrize("address", INNER.split())
def test_an_inner_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "52.95.110.1", "2606:4700:4700::1111", "2a05:d018::1"])
def test_a_public_address_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.COM", Target("https", "example.com", 443, "/")),
        ("HTTPS://example.com:443/a/b?c=d&e", Target("https", "example.com", 443, "/a/b?c=d&e")),
        ("https://example.com?c=d", Target("https", "example.com", 443, "/?c=d")),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443, "/")),
        ("https://[2606:4700:4700::1111]/x", Target("https", "2606:4700:4700::1111", 443, "/x")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
    ],
)
def test_a_plain_url_is_taken_apart(url: str, expected: Target) -> None:
    assert target(url, None, NONE) == expected


def test_query_values_are_escaped() -> None:
    asked = target("https://example.com/a?b=1", {"q": "x&y=z #", "flag": True, "none": None}, NONE)
    assert asked.path == "/a?b=1&q=x%26y%3Dz+%23&flag=true"


def test_only_the_environment_can_trust_a_place() -> None:
    allowed = frozenset({"127.0.0.1:8080"})
    assert target("http://127.0.0.1:8080/x", None, allowed).place == "127.0.0.1:8080"
    for url in ("http://127.0.0.1:8081/x", "http://127.0.0.1/", "http://127.0.0.2:8080/"):
        with pytest.raises(ActionFailed):
            target(url, None, allowed)


def test_every_port_of_a_host_may_be_trusted_but_no_other_host() -> None:
    allowed = frozenset({"127.0.0.1:*"})
    for port in (1, 8080, 65_535):
        assert target(f"http://127.0.0.1:{port}/x", None, allowed).port == port
    for url in ("http://localhost:80/", "http://127.0.0.2:80/", "http://*:80/", "http://example.com/"):
        with pytest.raises(ActionFailed):
            target(url, None, allowed)

"""Which addresses a tenant's workflow may reach: https on port 443, of hosts on the public internet alone.

A URL is taken apart once, here, and strictly: what two parsers might read differently is refused, and what is
connected to is the address that was checked (see `http_client`).
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from services.workflow.domain.runtime_ports import ActionFailed

_LONGEST = 8_192
_PRINTABLE = re.compile(r"[!-~]+")
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]+)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?", re.I)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.I)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER_LIKE = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_TUNNELS = (ipaddress.ip_network("2001::/32"), ipaddress.ip_network("2002::/16"))
"""Teredo and 6to4: addresses of IPv4 in disguise."""


@dataclass(frozen=True)
class Target:
    """`host` is lower case; `path` begins with a slash and holds the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def place(self) -> str:
        """`host`, with the port where it is not the scheme's own: what Host says."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == _PORTS[self.scheme] else f"{shown}:{self.port}"


_PORTS = {"https": 443, "http": 80}


def target(url: str, query: Mapping[str, Any] | None, allowed: frozenset[str]) -> Target:
    """The parts of a URL that may be asked. `allowed` are places that the environment trusts (see `trusted`):
    they may be http, of any port and address. Raises ActionFailed (URL_REFUSED)."""
    if len(url) > _LONGEST or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise _refused("it holds characters that a URL has none of (write them percent-encoded)")
    parts = _URL.fullmatch(url)
    authority = None if parts is None else _AUTHORITY.fullmatch(parts["authority"])
    if parts is None or authority is None:
        raise _refused("it is not https://host/path, without user, password or #")
    scheme, host = parts["scheme"].lower(), _host(authority["host"].lower())
    port = int(authority["port"] or _PORTS[scheme])
    if not trusted(host, port, allowed) and (scheme, port) != ("https", 443):
        raise _refused("only https on port 443 is allowed")
    path = (parts["path"] or "/") + (parts["query"] or "")
    if query:
        pairs = [(name, _text(value)) for name, value in query.items() if value is not None]
        path += ("&" if parts["query"] else "?") + urlencode(pairs)
    return Target(scheme, host, port, path)


def trusted(host: str, port: int, allowed: frozenset[str]) -> bool:
    """Whether a place is one of `allowed`: `host:port`, or `host:*` for every port of it."""
    return not allowed.isdisjoint((f"{host}:{port}", f"{host}:*"))


def is_public(address: str) -> bool:
    """Whether an address is of the public internet, in no disguise."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if found.version == 6 and (found not in _GLOBAL_UNICAST or any(found in each for each in _TUNNELS)):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _host(text: str) -> str:
    """A name, or an address in its one usual spelling. Raises ActionFailed."""
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError as error:
            raise _refused("its host is no IPv6 address") from error
    labels = text.split(".")
    # As browsers read it: a host whose last part is a number is an IPv4 address, in whatever spelling.
    if _NUMBER_LIKE.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError as error:
            raise _refused("its host is no IPv4 address of four decimal numbers") from error
    if len(text) > 253 or not all(_LABEL.fullmatch(each) for each in labels):
        raise _refused("its host is no name")
    return text


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(why: str) -> ActionFailed:
    return ActionFailed("URL_REFUSED", f"this address may not be asked: {why}")

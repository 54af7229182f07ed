"""HTTP API integrations that lead through a VpcLink: here, to the processes behind a Cloud Map service.

The supervisor writes {integration URI: [base URLs of healthy tasks]} to a file; nothing has to be
registered again after the emulator or a task restarts.
"""

import asyncio
import itertools
import json
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yarl

from infra.local.state import WatchedFile

Response = tuple[int, dict[str, Any], bytes]

# Hop-by-hop (RFC 9110, 7.6.1) and what the client library sets itself.
_NOT_FORWARDED = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "host", "content-length", "expect",
}  # fmt: skip


class Targets:
    """Base URLs per integration URI, read anew when the file changes; handed out in turn."""

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path)
        self._targets: dict[str, list[str]] = {}
        self._turn = itertools.count()

    def of(self, uri: str) -> list[str]:
        """All targets of `uri`, the one whose turn it is first."""
        if (changed := self._file.changed()) is not None:
            self._targets = changed
        known = self._targets.get(uri, [])
        if not known:
            return []
        start = next(self._turn) % len(known)
        return known[start:] + known[:start]


def _message(status: int, text: str) -> Response:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": text}).encode()


class PrivateProxy:
    """Forwards one request to a task and hands back its whole response, as API Gateway does."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._session: aiohttp.ClientSession | None = None

    async def forward(
        self, integration: Mapping[str, Any], path: str, method: str, headers: Mapping[str, str], body: bytes,
        query: Mapping[str, Any],
    ) -> Response:  # fmt: skip
        bases = self._targets.of(integration["integrationUri"])
        seconds = int(integration.get("timeoutInMillis") or 30000) / 1000
        try:
            async with asyncio.timeout(seconds):
                for base in bases:
                    try:
                        return await self._send(_url(base, path, query), method, headers, body)
                    except aiohttp.ClientConnectorError:
                        continue  # nothing was sent: the next task may have it
        except TimeoutError:
            return _message(504, "Endpoint request timed out")
        except aiohttp.ClientError:
            return _message(503, "Service Unavailable")
        return _message(503, "Service Unavailable")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, url: yarl.URL, method: str, headers: Mapping[str, str], body: bytes) -> Response:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                connector=aiohttp.TCPConnector(limit=0),
            )
        passed = {key: value for key, value in headers.items() if key.lower() not in _NOT_FORWARDED}
        async with self._session.request(
            method, url, data=body or None, headers=passed, allow_redirects=False
        ) as answer:
            kept: dict[str, Any] = {
                key: answer.headers.getall(key) if key.lower() == "set-cookie" else value
                for key, value in answer.headers.items()
                if key.lower() not in _NOT_FORWARDED
            }
            return answer.status, kept, await answer.read()


def _url(base: str, path: str, query: Mapping[str, Any]) -> yarl.URL:
    encoded = urllib.parse.urlencode(query or {}, doseq=True)
    quoted = urllib.parse.quote(path, safe="/%:@!$&'()*+,;=~-._")
    return yarl.URL(f"{base}{quoted}" + (f"?{encoded}" if encoded else ""), encoded=True)

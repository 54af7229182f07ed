"""One HTTP request to a checked address: no redirects, and a bound on bytes, on unpacked bytes and on time.

The name is resolved once; all of its addresses must be public, and the connection goes to the one that was
checked, with the name for TLS and Host: another answer of the name server changes nothing. Whether a request
was sent decides how a failure reads: before, nothing was done; after, nobody knows.
"""

import http.client
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from services.workflow.adapters.actions.addresses import Target, is_public, trusted
from services.workflow.domain.runtime_ports import ActionFailed

MOST_BYTES = 1_000_000
_CONNECT_SECONDS = 5.0
_LEAST_SECONDS = 0.1
_CHUNK = 65_536
_ZLIB_OR_GZIP = 47

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Answer:
    """`headers` have lower case names; of a name that came twice the values are joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def addresses_of(host: str, port: int) -> list[str]:
    """By the name server. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class HttpClient:
    """`allowed` are the places (`host:port`, `host:*`) that the environment trusts whatever their address."""

    def __init__(
        self,
        allowed: frozenset[str] = frozenset(),
        resolve: Resolve = addresses_of,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self.allowed = allowed
        self._resolve = resolve
        self._tls = tls

    def request(
        self, method: str, to: Target, headers: Mapping[str, str], body: bytes | None, ends: float
    ) -> Answer:
        """`ends` is when nobody may be at work on it any more (`time.monotonic`).

        Raises ActionFailed: HOST_UNKNOWN, HOST_REFUSED, CONNECT_FAILED and TLS_FAILED before anything was
        sent; HTTP_TIMEOUT, HTTP_BROKEN after; ANSWER_TOO_LARGE, ANSWER_ENCODED."""
        seconds = ends - time.monotonic()
        with _cut_off(self._connect(to, self._address(to), ends), ends) as line:
            if to.scheme == "https":
                self._secure(to, line)
            try:
                answer = _exchange(line.sock, method, to, headers, body)
            except (OSError, http.client.HTTPException) as error:
                if line.expired.is_set() or isinstance(error, TimeoutError):
                    raise _timed_out(to, seconds) from error
                raise ActionFailed(
                    "HTTP_BROKEN", f"{to.host} broke off the connection", retryable=True, unknown=True
                ) from error
            if line.expired.is_set():
                # Cut off by us, an answer without a length looks whole.
                raise _timed_out(to, seconds)
            return answer

    def _address(self, to: Target) -> str:
        try:
            found = self._resolve(to.host, to.port)
        except OSError as error:
            raise ActionFailed("HOST_UNKNOWN", f"{to.host} has no address", retryable=True) from error
        known = trusted(to.host, to.port, self.allowed)
        if not found or not (known or all(map(is_public, found))):
            raise ActionFailed("HOST_REFUSED", f"{to.host} is not on the public internet")
        return found[0]

    def _connect(self, to: Target, address: str, ends: float) -> socket.socket:
        seconds = min(_CONNECT_SECONDS, ends - time.monotonic())
        if seconds < _LEAST_SECONDS:
            # A request that is sent after its time may be a second one beside another attempt's.
            raise ActionFailed("TIME_IS_UP", f"no time was left to ask {to.host}", retryable=True)
        try:
            return socket.create_connection((address, to.port), timeout=seconds)
        except OSError as error:
            raise _not_connected(to) from error

    def _secure(self, to: Target, line: "_Line") -> None:
        try:
            secured = self._tls().wrap_socket(
                line.sock, server_hostname=to.host, do_handshake_on_connect=False
            )
            line.sock = secured
            secured.do_handshake()
        except (ssl.SSLError, ssl.CertificateError) as error:
            if line.expired.is_set():
                raise _not_connected(to) from error
            raise ActionFailed("TLS_FAILED", f"{to.host} has no valid certificate") from error
        except OSError as error:
            raise _not_connected(to) from error
        if line.expired.is_set():
            raise _not_connected(to)


@dataclass
class _Line:
    """A connection, and whether it was cut off."""

    sock: socket.socket
    expired: threading.Event = field(default_factory=threading.Event)

    def cut(self) -> None:
        self.expired.set()
        with suppress(OSError):  # it is closed already
            # Not the method of a TLS socket: it would take the session from under the reader.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


@contextmanager
def _cut_off(sock: socket.socket, ends: float) -> Iterator[_Line]:
    """Cuts the connection off at `ends`, however it drips: a socket's own timeout is for each read alone."""
    line = _Line(sock)
    left = max(0.0, ends - time.monotonic())
    sock.settimeout(left + _LEAST_SECONDS)
    timer = threading.Timer(left, line.cut)
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        line.sock.close()


def _exchange(
    sock: socket.socket, method: str, to: Target, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    connection = http.client.HTTPConnection(to.host, to.port)
    connection.sock = sock
    connection.putrequest(method, to.path, skip_host=True, skip_accept_encoding=True)
    fixed = {"Host": to.place, "Connection": "close", "Accept-Encoding": "identity"}
    if body is not None:
        fixed["Content-Length"] = str(len(body))
    for name, value in {**headers, **fixed}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    told: dict[str, str] = {}
    for name, value in response.getheaders():
        known = told.get(name.lower())
        told[name.lower()] = value if known is None else f"{known}, {value}"
    return Answer(response.status, told, _unpacked(_read(response), told.get("content-encoding", "")))


def _read(response: http.client.HTTPResponse) -> bytes:
    expected = response.length
    chunks: list[bytes] = []
    total = 0
    while expected is None or total < expected:
        chunk = response.read1(_CHUNK)
        if not chunk:
            break
        chunks.append(chunk)
        total += len(chunk)
        if total > MOST_BYTES:
            raise too_large()
    if expected is not None and total < expected:
        raise http.client.IncompleteRead(b"", expected - total)
    return b"".join(chunks)


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ActionFailed(
            "ANSWER_ENCODED",
            f"the answer is packed as {encoding[:40]}, which was not asked for",
            unknown=True,
        )
    unpack = zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        found = unpack.decompress(body, MOST_BYTES + 1)
    except zlib.error as error:
        raise ActionFailed("ANSWER_ENCODED", "the answer cannot be unpacked", unknown=True) from error
    if len(found) > MOST_BYTES:
        raise too_large()
    return found


def _not_connected(to: Target) -> ActionFailed:
    return ActionFailed("CONNECT_FAILED", f"{to.host} cannot be connected to", retryable=True)


def _timed_out(to: Target, seconds: float) -> ActionFailed:
    message = f"{to.host} did not answer within {seconds:g} seconds"
    return ActionFailed("HTTP_TIMEOUT", message, retryable=True, unknown=True)


def too_large() -> ActionFailed:
    return ActionFailed("ANSWER_TOO_LARGE", f"the answer has more than {MOST_BYTES:,} bytes", unknown=True)

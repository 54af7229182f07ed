"""The HTTP client and its actions against a real server on this machine, which the environment trusts."""

import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from services.workflow.adapters.actions.addresses import Target
from services.workflow.adapters.actions.http_client import MOST_BYTES, HttpClient
from services.workflow.adapters.actions.http_requests import HttpAction
from services.workflow.adapters.actions.notify import Notify
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed, Channel, Credential
from shared.tenancy import TenantId

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
SECRET = "Bearer sk-live-0123456789"

Behave = Callable[[socket.socket, bytes], None]


class Server:
    """Answers each connection by `behave`; keeps what it was sent."""

    def __init__(self, behave: Behave) -> None:
        self.requests: list[bytes] = []
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.place = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.place}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            request = sock.recv(65_536)
            while b"\r\n\r\n" not in request:
                request += sock.recv(65_536)
            head, _, body = request.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if b"content-length" in line
                ),
                0,
            )
            while len(body) < length:
                body += sock.recv(65_536)
            self.requests.append(head + b"\r\n\r\n" + body)
            self._behave(sock, head)

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # or the thread that accepts would take one more
        self._listening.close()


@contextmanager
def server(behave: Behave) -> Iterator[Server]:
    made = Server(behave)
    try:
        yield made
    finally:
        made.close()


def answering(status: int = 200, body: bytes = b'{"ok": true}', **headers: str) -> Behave:
    told = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items() if value)

    def behave(sock: socket.socket, head: bytes) -> None:
        sock.sendall(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)

    return behave


class FakeCredentials:
    def __init__(self, **held: Credential) -> None:
        self.held = held

    def get(self, tenant: TenantId, name: str) -> Credential:
        if tenant != ACME or name not in self.held:
            raise ActionFailed("CREDENTIAL_UNKNOWN", f"there is no credential {name}")
        return self.held[name]


def act(
    url: str,
    *,
    sends: bool = False,
    allowed: str = "",
    credentials: FakeCredentials | None = None,
    credential: str | None = None,
    seconds: float = 5,
    tenant: TenantId = ACME,
    **given: Any,
) -> Mapping[str, Any]:
    client = HttpClient(frozenset({allowed or url.removeprefix("http://").partition("/")[0]}))
    action = HttpAction(client, credentials or FakeCredentials(), sends)
    return action.do(ActionCall(tenant, "e-42", 1, {"url": url, **given}, credential, seconds))


def refusal(act: Callable[[], Any]) -> ActionFailed:
    with pytest.raises(ActionFailed) as caught:
        act()
    return caught.value


def test_an_answer_is_json_with_exact_decimals() -> None:
    with server(answering(body=b'{"cost": 0.10000000000000000001, "n": 3}', Set_Cookie="a=b")) as there:
        found = act(f"{there.url}/costs", query={"a": "b c"}, headers={"X-Team": "web"})
    assert found["status"] == 200
    assert found["body"] == {"cost": "0.10000000000000000001", "n": 3}
    assert "set-cookie" not in found["headers"]
    head = there.requests[0].decode()
    assert head.startswith("GET /costs?a=b+c HTTP/1.1\r\n")
    assert f"Host: {there.place}\r\n" in head
    assert "X-Team: web\r\n" in head
    assert "Accept-Encoding: identity" in head


def test_a_text_is_a_text_whatever_it_says() -> None:
    with server(answering(body=b"not json")) as there:
        assert act(there.url)["body"] == "not json"
    with server(answering(body=b"\xff\xfe", Content_Type="text/plain")) as there:
        assert act(there.url)["body"] == "\ufffd\ufffd"


def test_what_is_sent_carries_the_effects_key() -> None:
    with server(answering(status=201)) as there:
        assert act(there.url, sends=True, body={"a": [1, "ä"]})["status"] == 201
    head, _, body = there.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    assert b"\r\nIdempotency-Key: e-42\r\n" in head
    assert json.loads(body) == {"a": [1, "ä"]}


@pytest.mark.parametrize(
    ("status", "retryable", "unknown"),
    [
        (400, False, False),
        (404, False, False),
        (408, True, False),
        (429, True, False),
        (503, True, False),
        (500, True, True),
        (502, True, True),
        (504, True, True),
    ],
)
def test_statuses_say_whether_to_try_again(status: int, retryable: bool, unknown: bool) -> None:
    with server(answering(status=status, body=b"no", Retry_After="17")) as there:
        error = refusal(lambda: act(there.url, sends=True))
    assert (error.code, error.retryable, error.unknown) == (f"HTTP_{status}", retryable, unknown)
    assert error.retry_after == 17


def test_redirects_are_not_followed() -> None:
    with server(answering(status=302, Location="http://169.254.169.254/")) as there:
        assert refusal(lambda: act(there.url)).code == "REDIRECT_REFUSED"
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    "name",
    ["Host", "authorization", "Cookie", "Content-Length", "Transfer-Encoding", "Connection",
     "X-Forwarded-For", "X-Amz-Date", "Idempotency-Key", "X-A\r\nHost", "X-Ä", "Proxy-Authorization",
     "X-HTTP-Method-Override"],
)  # fmt: skip
def test_a_step_sets_no_header_that_is_not_its_own(name: str) -> None:
    assert refusal(lambda: act("http://127.0.0.1:9", headers={name: "x"})).code == "HEADER_REFUSED"


@pytest.mark.parametrize("value", ["a\r\nHost: b", "a\nb", "\x00", "ä", ["a"], None])
def test_a_header_is_one_line(value: Any) -> None:
    assert refusal(lambda: act("http://127.0.0.1:9", headers={"X-A": value})).code == "HEADER_REFUSED"


def test_a_large_answer_is_cut_off() -> None:
    def endless(sock: socket.socket, head: bytes) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65_536)

    with server(endless) as there:
        assert refusal(lambda: act(there.url)).code == "ANSWER_TOO_LARGE"


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"0" * (MOST_BYTES * 20))
    assert len(bomb) < MOST_BYTES
    with server(answering(body=bomb, Content_Encoding="gzip")) as there:
        assert refusal(lambda: act(there.url)).code == "ANSWER_TOO_LARGE"
    with server(answering(body=gzip.compress(b'{"a":1}'), Content_Encoding="gzip")) as there:
        assert act(there.url)["body"] == {"a": 1}
    for encoding, body in (("br", b"x"), ("gzip", b"not gzip")):
        with server(answering(body=body, Content_Encoding=encoding)) as there:
            assert refusal(lambda: act(there.url)).code == "ANSWER_ENCODED"


@pytest.mark.parametrize("drip", [b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\n\r\n", b""])
def test_a_dripping_server_is_cut_off_in_time(drip: bytes) -> None:
    stop = threading.Event()

    def behave(sock: socket.socket, head: bytes) -> None:
        sock.sendall(drip)
        while not stop.wait(0.05):
            sock.sendall(b"x")

    with server(behave) as there:
        began = time.monotonic()
        error = refusal(lambda: act(there.url, seconds=0.4))
        took = time.monotonic() - began
        stop.set()
    assert (error.code, error.unknown, error.retryable) == ("HTTP_TIMEOUT", True, True)
    assert took < 3


def test_a_broken_answer_is_of_unknown_outcome() -> None:
    def half(sock: socket.socket, head: bytes) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    def nothing(sock: socket.socket, head: bytes) -> None:
        return

    def nonsense(sock: socket.socket, head: bytes) -> None:
        sock.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

    for behave in (half, nothing, nonsense):
        with server(behave) as there:
            error = refusal(lambda: act(there.url))
        assert (error.code, error.unknown) == ("HTTP_BROKEN", True)


def test_nothing_was_done_where_nobody_listens() -> None:
    with server(answering()) as there:
        pass
    error = refusal(lambda: act(there.url))
    assert (error.code, error.retryable, error.unknown) == ("CONNECT_FAILED", True, False)


# --- the name server ---


def resolving(*answers: list[str]) -> tuple[HttpClient, list[str]]:
    left, asked = list(answers), []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return left.pop(0)

    return HttpClient(resolve=resolve), asked


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["fd00:ec2::254"], []]
)
def test_one_inner_address_refuses_the_host(addresses: list[str]) -> None:
    client, _ = resolving(addresses)
    to = Target("https", "rebind.example", 443, "/")
    error = refusal(lambda: client.request("GET", to, {}, None, time.monotonic() + 1))
    assert (error.code, error.retryable) == ("HOST_REFUSED", False)


def test_what_is_connected_to_is_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    client, asked = resolving(["8.8.8.8"], ["127.0.0.1"])
    connected = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", connect)
    to = Target("https", "rebind.example", 443, "/")
    refusal(lambda: client.request("GET", to, {}, None, time.monotonic() + 1))
    assert (asked, connected) == (["rebind.example"], [("8.8.8.8", 443)])


def test_a_certificate_is_of_the_name() -> None:
    """A plain server is no TLS server: the handshake fails, and nothing was sent."""
    with server(answering()) as there:
        client = HttpClient(frozenset({there.place}), tls=ssl.create_default_context)
        to = Target("https", "127.0.0.1", there.port, "/")
        error = refusal(
            lambda: client.request("GET", to, {"Authorization": SECRET}, None, time.monotonic() + 2)
        )
    assert error.code in ("TLS_FAILED", "CONNECT_FAILED")
    assert not error.unknown
    assert not any(SECRET.encode() in each for each in there.requests)


def test_a_handshake_that_drips_is_cut_off_and_nothing_was_sent() -> None:
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError):
            sock, _ = listening.accept()
            sock.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KB, byte by byte
            while not stop.wait(0.05):
                sock.sendall(b"\x02")

    threading.Thread(target=drip, daemon=True).start()
    port = listening.getsockname()[1]
    client = HttpClient(frozenset({f"127.0.0.1:{port}"}))
    began = time.monotonic()
    to = Target("https", "127.0.0.1", port, "/")
    error = refusal(lambda: client.request("POST", to, {}, b"x", time.monotonic() + 0.4))
    stop.set()
    listening.close()
    assert (error.code, error.unknown) in (("CONNECT_FAILED", False), ("TLS_FAILED", False))
    assert time.monotonic() - began < 3


def test_a_request_whose_time_is_over_is_not_sent() -> None:
    with server(answering()) as there:
        to = Target("http", "127.0.0.1", there.port, "/")
        client = HttpClient(frozenset({there.place}))
        error = refusal(lambda: client.request("POST", to, {}, b"", time.monotonic()))
    assert (error.code, error.unknown, error.retryable) == ("TIME_IS_UP", False, True)
    assert there.requests == []


# --- credentials ---


def test_a_credential_goes_to_its_own_host_alone() -> None:
    with server(answering()) as there, server(answering()) as other:
        held = FakeCredentials(api=Credential(there.place, {"Authorization": SECRET}))
        act(there.url, credentials=held, credential="api")
        error = refusal(lambda: act(other.url, credentials=held, credential="api"))
        stranger = refusal(lambda: act(there.url, credentials=held, credential="api", tenant=GLOBEX))
    assert f"Authorization: {SECRET}".encode() in there.requests[0]
    assert (error.code, other.requests) == ("CREDENTIAL_HOST", [])
    assert stranger.code == "CREDENTIAL_UNKNOWN"
    assert len(there.requests) == 1


@pytest.mark.parametrize("status", [200, 401])
def test_a_secret_that_is_echoed_is_blacked_out(status: int) -> None:
    body = json.dumps({"you": {"sent": SECRET}, "key": "sk-live-0123456789"}).encode()
    with server(answering(status=status, body=body, X_Echo=SECRET)) as there:
        held = FakeCredentials(api=Credential(there.place, {"Authorization": SECRET}))
        if status == 200:
            said = json.dumps(act(there.url, credentials=held, credential="api"))
        else:
            said = refusal(lambda: act(there.url, credentials=held, credential="api")).message
    assert "sk-live-0123456789" not in said
    assert "***" in said


# --- notify ---


class FakeChannels:
    def __init__(self, *channels: Channel) -> None:
        self._channels = {each.name: each for each in channels}

    def get(self, tenant: TenantId, name: str) -> Channel | None:
        return self._channels.get(name) if tenant == ACME else None


def notify(
    channels: FakeChannels, held: FakeCredentials, place: str, tenant: TenantId = ACME
) -> Mapping[str, Any]:
    given = {
        "channel": "ops",
        "subject": "Cost is up",
        "text": "by a third",
        "facts": {"team": "web", "n": 3},
    }
    action = Notify(channels, held, HttpClient(frozenset({place})), ses=lambda: None)  # type: ignore[arg-type,return-value]
    return action.do(ActionCall(tenant, "e-42", 1, given, None, 5))


def test_a_webhook_gets_a_text_and_its_address_stays_secret() -> None:
    with server(answering(body=b"ok", Content_Type="text/plain")) as there:
        url = f"{there.url}/services/T0/B0/secret-part"
        held = FakeCredentials(hook=Credential(there.place, {}, url))
        channels = FakeChannels(Channel("ops", "webhook", credential="hook"))
        assert notify(channels, held, there.place) == {"channel": "ops"}
        assert refusal(lambda: notify(channels, held, there.place, GLOBEX)).code == "CHANNEL_UNKNOWN"
    _, _, body = there.requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"text": "Cost is up\n\nby a third\n\nteam: web\nn: 3"}


def test_a_channel_that_leads_nowhere_says_so() -> None:
    held = FakeCredentials()
    for channel in (Channel("ops", "webhook"), Channel("ops", "email"), Channel("ops", "pigeon")):
        error = refusal(lambda: notify(FakeChannels(channel), held, ""))  # noqa: B023
        assert error.code == "CHANNEL_INVALID"

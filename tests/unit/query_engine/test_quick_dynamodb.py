"""DynamoDB by the short way: what is sent is what botocore would send, and what goes wrong is botocore's."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials

from services.query_engine.adapters.quick_dynamodb import quick
from shared.errors import Conflict, VersionConflict
from shared.table import TenantTable
from shared.tenancy import TenantId

ACME = TenantId("acme")
ROW = {"Item": {"pk": {"S": "TENANT#acme"}, "sk": {"S": "A"}, "n": {"N": "7"}, "version": {"N": "2"}}}
PLAIN = "onyx-query-engine"


@dataclass
class Seen:
    agent: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Dynamo:
    """Answers with what `answers` holds, the last again and again: (status, body), or None: it hangs up."""

    answers: list[tuple[int, Any] | None]
    seen: list[Seen] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    idle: bool = True
    url: str = ""

    def agents(self) -> list[bool]:
        """Of each request, whether it came by the short way."""
        return [each.agent == PLAIN for each in self.seen]


@pytest.fixture
def dynamo() -> Iterator[Callable[..., Dynamo]]:
    servers = []

    def start(*answers: tuple[int, Any] | None) -> Dynamo:
        made = Dynamo(list(answers))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                made.seen.append(Seen(headers["user-agent"], headers, body, self.client_address[1]))
                answer = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
                self.close_connection = answer is None
                if answer is None:
                    return
                text = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                for name, value in ({"Content-Length": str(len(text))} | made.extra).items():
                    self.send_header(name, value)
                self.end_headers()
                half = len(text) // 2
                self.wfile.write(text[:half])
                self.wfile.flush()
                self.wfile.write(text[half:])
                self.close_connection = not made.idle

            def log_message(self, format: str, *args: Any) -> None:
                """Not into the test's output."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        made.url = f"http://127.0.0.1:{server.server_port}"
        return made

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


def table(dynamo: Dynamo, credentials: Any = None, **config: Any) -> TenantTable:
    own = credentials or Credentials("key", "secret", "token")
    client = boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=dynamo.url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(parameter_validation=False, **config),
    )
    return TenantTable("rows", quick(client, own, 4))


def test_a_row_is_read_over_a_connection_that_is_kept(dynamo: Callable[..., Dynamo]) -> None:
    aws = dynamo((200, ROW))
    rows = table(aws)
    assert [rows.get(ACME, "A") for _ in range(3)] == [{"n": 7, "version": 2}] * 3
    assert aws.agents() == [True] * 3
    assert len({each.connection for each in aws.seen}) == 1


def test_it_asks_as_botocore_asks(dynamo: Callable[..., Dynamo], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same target, type and body; and a signature that is botocore's over what arrived."""
    aws = dynamo((200, {"Items": [], "Count": 0}))
    long, short = table(aws), table(aws)
    monkeypatch.setattr(long, "_given", long.client._client)  # type: ignore[attr-defined]
    for each in (long, short):
        each.versions(ACME, prefix="BILL#")
        each.put(ACME, "A", {"a": "é", "b": [1, None, {"c": True}]}, expected_version=3)
        assert each.get(ACME, "B") is None
    assert aws.agents() == [False] * 3 + [True] * 3
    for one, other in zip(aws.seen[:3], aws.seen[3:], strict=True):
        assert json.loads(one.body) == json.loads(other.body)
        for name in ("x-amz-target", "content-type", "host", "accept-encoding"):
            assert one.headers[name] == other.headers[name]
    for sent in aws.seen[3:]:
        again = AWSRequest(
            "POST",
            aws.url,
            {
                name: sent.headers[name]
                for name in ("host", "content-type", "x-amz-target", "accept-encoding", "user-agent")
            },
            sent.body,
        )
        again.headers["X-Amz-Date"] = sent.headers["x-amz-date"]
        again.headers["X-Amz-Security-Token"] = sent.headers["x-amz-security-token"]
        again.context["timestamp"] = sent.headers["x-amz-date"]
        signer = SigV4Auth(Credentials("key", "secret", "token"), "dynamodb", "eu-west-1")
        signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
        assert f"Signature={signature}" in sent.headers["authorization"]
        assert sent.headers["x-amz-security-token"] == "token"


def test_credentials_are_those_of_the_moment(dynamo: Callable[..., Dynamo]) -> None:
    class Renewed:
        number = 0

        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            self.number += 1
            return ReadOnlyCredentials(f"key{self.number}", "secret", "token")

    aws = dynamo((200, ROW))
    rows = table(aws, Renewed())
    rows.get(ACME, "A"), rows.get(ACME, "A")
    assert [
        "key1" in aws.seen[0].headers["authorization"],
        "key2" in aws.seen[1].headers["authorization"],
    ] == [True] * 2


THROTTLED = (400, {"__type": "x#ProvisionedThroughputExceededException", "message": "slower"})
CONFLICT = (400, {"__type": "x#ConditionalCheckFailedException", "message": "no"})


@pytest.mark.parametrize("first", [(500, {}), THROTTLED, None, (200, b"not json"), (200, b"[]"), (503, b"")])
def test_what_goes_wrong_once_is_botocores_to_try_again(
    dynamo: Callable[..., Dynamo], first: tuple[int, Any] | None
) -> None:
    aws = dynamo(first, (200, ROW))
    rows = table(aws)
    assert rows.get(ACME, "A") == {"n": 7, "version": 2}
    assert aws.agents() == [True, False]
    assert rows.get(ACME, "A") == {"n": 7, "version": 2}
    assert aws.agents() == [True, False, True]


def test_a_refusal_is_botocores_exception(dynamo: Callable[..., Dynamo]) -> None:
    aws = dynamo(CONFLICT)
    rows = table(aws)
    with pytest.raises(VersionConflict):
        rows.put(ACME, "A", {}, expected_version=1)
    with pytest.raises(Conflict):
        rows.put_new(ACME, "A", {})


def test_a_connection_that_the_other_side_ended_costs_no_answer(dynamo: Callable[..., Dynamo]) -> None:
    aws = dynamo((200, ROW))
    aws.idle = False
    rows = table(aws)
    assert [rows.get(ACME, "A") for _ in range(3)] == [{"n": 7, "version": 2}] * 3
    assert len({each.connection for each in aws.seen}) >= 3


def test_one_that_says_it_closes_is_not_used_again(dynamo: Callable[..., Dynamo]) -> None:
    aws = dynamo((200, ROW))
    aws.extra = {"Connection": "close"}
    rows = table(aws)
    assert [rows.get(ACME, "A") for _ in range(2)] == [{"n": 7, "version": 2}] * 2
    assert aws.agents() == [True] * 2
    assert len({each.connection for each in aws.seen}) == 2


def test_pages_are_read_to_their_end_and_large_ones_whole(dynamo: Callable[..., Dynamo]) -> None:
    def page(number: int, last: bool) -> dict[str, Any]:
        key = {"pk": {"S": "TENANT#acme"}, "sk": {"S": f"A{number}"}}
        return {"Items": [{**key, "text": {"S": "x" * 900_000}}]} | (
            {} if last else {"LastEvaluatedKey": key}
        )

    aws = dynamo((200, page(1, False)), (200, page(2, True)))
    assert [len(each["text"]) for each in table(aws).query_all(ACME)] == [900_000] * 2
    assert json.loads(aws.seen[1].body)["ExclusiveStartKey"]["sk"] == {"S": "A1"}
    assert aws.agents() == [True] * 2


def test_behind_a_proxy_and_without_credentials_it_is_botocores_client(
    dynamo: Callable[..., Dynamo], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url="http://dynamodb.example",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    assert quick(client, None, 1) is client
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert quick(client, Credentials("key", "secret"), 1) is client


def test_other_calls_are_its_clients(dynamo: Callable[..., Dynamo]) -> None:
    aws = dynamo((200, {}))
    rows = table(aws)
    rows.delete(ACME, "A")
    assert aws.agents() == [False]
    assert rows.client.meta.region_name == "eu-west-1"

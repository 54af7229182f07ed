"""What botocore gets to see for each kind of fault."""

import json
import random
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from tests.fakes.faults import Faults, Kind

_CODES = {
    Kind.THROTTLED: (400, "ThrottlingException"),
    Kind.EXCEEDED: (400, "ProvisionedThroughputExceededException"),
    Kind.CANCELED: (400, "TransactionCanceledException"),
    Kind.CONFLICTED: (400, "TransactionCanceledException"),
    Kind.CONCURRENT: (400, "ConcurrentModificationException"),
    Kind.SLOW_DOWN: (503, "SlowDown"),
    Kind.BROKEN: (500, "InternalError"),
}
_REASONS = {Kind.CANCELED: "ThrottlingError", Kind.CONFLICTED: "TransactionConflict"}
_XML = frozenset({"s3", "sts"})


class Answers:
    """botocore's `before-send` handler: an answer, an error of the network, or None to send the request."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._http = URLLib3Session(timeout=30)

    def __call__(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
        operation = event_name.removeprefix("before-send.")
        struck = self._faults.strike(operation)
        if struck is None:
            return self._read(request) if operation == "s3.GetObject" else None
        kind, dice = struck
        match kind:
            case Kind.DROPPED:
                raise ConnectionClosedError(endpoint_url=request.url)
            case Kind.LOST:
                self._http.send(request)
                raise ConnectionClosedError(endpoint_url=request.url)
            case Kind.LATE:
                self._http.send(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            case Kind.CUT | Kind.SHORT:
                return self._begun(request, dice, lies=kind is Kind.SHORT)
            case Kind.PARTIAL:
                return self._partly(request, dice)
            case Kind.UNPROCESSED:
                return self._some_written(request, dice)
        return _refusal(operation.partition(".")[0], kind, request)

    def _read(self, request: AWSPreparedRequest) -> AWSResponse:
        return self._faults.dated(self._http.send(request))

    def _begun(self, request: AWSPreparedRequest, dice: random.Random, *, lies: bool) -> AWSResponse:
        answer = self._read(request)
        if answer.status_code >= 300:
            return answer
        whole = answer.content
        # Of a bill that is text, a whole number of lines is the beginning that looks most like a bill.
        ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")][:-1] or [len(whole) // 2]
        body = whole[: dice.choice(ends)]
        if lies:
            answer.headers["Content-Length"] = str(len(body))
        return _with_body(answer.url, answer.status_code, answer.headers, body)

    def _partly(self, request: AWSPreparedRequest, dice: random.Random) -> AWSResponse:
        entries = _body(request)["Entries"]
        refused = set(dice.sample(range(len(entries)), dice.randint(1, len(entries))))
        taken = [entry for at, entry in enumerate(entries) if at not in refused]
        results = iter(self._taken(request, taken) if taken else [])
        no = {"ErrorCode": "InternalException", "ErrorMessage": "not now"}
        made = [no if at in refused else next(results) for at in range(len(entries))]
        return _json(request, 200, {"FailedEntryCount": len(refused), "Entries": made})

    def _taken(self, request: AWSPreparedRequest, entries: list[Any]) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._sent(request, {"Entries": entries})["Entries"]
        return found

    def _some_written(self, request: AWSPreparedRequest, dice: random.Random) -> AWSResponse:
        [(table, items)] = _body(request)["RequestItems"].items()
        written = dice.randrange(len(items))
        if written:
            self._sent(request, {"RequestItems": {table: items[:written]}})
        return _json(request, 200, {"UnprocessedItems": {table: items[written:]}})

    def _sent(self, request: AWSPreparedRequest, said: Any) -> Any:
        body = json.dumps(said).encode()
        # The signature is of another body by now, which the emulator does not check.
        headers: Any = {**dict(request.headers.items()), "Content-Length": str(len(body))}
        smaller = AWSPreparedRequest("POST", request.url, headers, body, False)
        return json.loads(self._http.send(smaller).content)


def _refusal(service: str, kind: Kind, request: AWSPreparedRequest) -> AWSResponse:
    status, code = _CODES[kind]
    if service in _XML:
        error = f"<Code>{code}</Code><Message>not now</Message>"
        if service == "sts":
            error = f"<Error><Type>Sender</Type>{error}</Error>"
        root = "ErrorResponse" if service == "sts" else "Error"
        body = f"<{root}>{error}<RequestId>r</RequestId></{root}>".encode()
        return _with_body(request.url, status, {"Content-Type": "application/xml"}, body)
    said: dict[str, Any] = {"__type": code, "message": "not now", "Message": "not now"}
    if kind in _REASONS:
        items = _body(request)["TransactItems"]
        reason = {"Code": _REASONS[kind], "Message": "not now"}
        said["CancellationReasons"] = [reason, *({"Code": "None"} for _ in items[1:])]
    return _json(request, status, said)


def _body(request: AWSPreparedRequest) -> Any:
    body: Any = request.body
    return json.loads(body)


def _json(request: AWSPreparedRequest, status: int, said: Any) -> AWSResponse:
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return _with_body(request.url, status, headers, json.dumps(said).encode())


def _with_body(url: str, status: int, headers: Any, body: bytes) -> AWSResponse:
    return AWSResponse(url, status, headers, _Raw(body))


class _Raw(BytesIO):
    """A body as urllib3 has it."""

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()

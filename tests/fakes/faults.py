"""Faults at the boundary to AWS: what a service or the network answers instead of what was asked for.

They strike where botocore sends a request, in every client that is made meanwhile, and where pyiceberg opens
a file; what lies above (retries of the SDK, of the adapters, of queues) is the real thing. Nothing waits: the
pauses of the SDK are noted in `slept`. Which request fails follows from the drawn weather alone, except where
threads race.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from unittest import mock

import boto3
import botocore.endpoint
import botocore.loaders
from botocore.awsrequest import AWSResponse
from botocore.handlers import BUILTIN_HANDLERS

from shared import aws

FILES = "iceberg-files"
"""The operations of pyiceberg's file access are called `iceberg-files.open` and `iceberg-files.create`."""


class Kind(StrEnum):
    """What may go wrong."""

    THROTTLED = "ThrottlingException"
    EXCEEDED = "ProvisionedThroughputExceededException"
    CANCELED = "TransactionCanceledException: ThrottlingError"
    CONFLICTED = "TransactionCanceledException: TransactionConflict"
    CONCURRENT = "ConcurrentModificationException"
    SLOW_DOWN = "503 SlowDown"
    BROKEN = "500 InternalError"
    DROPPED = "the connection is dropped, nothing is done"
    LOST = "it is done, the connection is dropped before the answer"
    LATE = "it is done, the answer does not come in time"
    CUT = "a body ends before its announced length"
    SHORT = "a body is short, and its announced length is a lie"
    PARTIAL = "PutEvents takes some entries and refuses others"
    UNPROCESSED = "BatchWriteItem leaves some items unwritten"
    FILE_REFUSED = "a table's file cannot be opened"
    FILE_CUT = "a table's file ends short"
    FILE_LOST = "a table's file is written, and closing it fails"


_NETWORK = (Kind.DROPPED, Kind.LOST, Kind.LATE)
_AT_SERVICE: dict[str, tuple[Kind, ...]] = {
    "dynamodb": (*_NETWORK, Kind.THROTTLED, Kind.EXCEEDED),
    "eventbridge": (*_NETWORK, Kind.THROTTLED, Kind.PARTIAL),
    "glue": (*_NETWORK, Kind.THROTTLED),
    "s3": (*_NETWORK, Kind.SLOW_DOWN, Kind.BROKEN),
    "sts": (*_NETWORK, Kind.THROTTLED),
}
_AT_OPERATION: dict[str, tuple[Kind, ...]] = {
    "dynamodb.TransactWriteItems": (Kind.CANCELED, Kind.CONFLICTED),
    "dynamodb.BatchWriteItem": (Kind.UNPROCESSED,),
    "glue.UpdateTable": (Kind.CONCURRENT,),
    "s3.GetObject": (Kind.CUT, Kind.SHORT),
    f"{FILES}.open": (Kind.FILE_REFUSED, Kind.FILE_CUT),
    f"{FILES}.create": (Kind.FILE_REFUSED, Kind.FILE_LOST),
}


def kinds_at(operation: str) -> tuple[Kind, ...]:
    """What may go wrong at `<service>.<Operation>`."""
    return _AT_OPERATION.get(operation, ()) + _AT_SERVICE.get(operation.partition(".")[0], ())


@dataclass(frozen=True)
class Weather:
    """How bad it is: of 100 requests `rate` meet a fault, and `seed` says which.

    A fault lasts for one request, which the SDK mends by itself, or for as many as the SDK tries. `only`
    restricts it to one operation and kind, `most` bounds how many there are.
    """

    seed: int = 0
    rate: int = 0
    only: tuple[str, Kind] | None = None
    most: int = 1_000_000


CALM = Weather()
SDK_TRIES = 4


class Faults:
    """The faults of one test. `injected` counts them by (operation, kind); `moments` dates object versions.

    S3 dates a version by the second in which it was put; here a test says when that was.
    """

    def __init__(self) -> None:
        self.injected: Counter[tuple[str, Kind]] = Counter()
        self.slept: list[float] = []
        self.moments: dict[str, datetime] = {}
        self._weather = CALM
        self._struck = 0
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, str]] = Counter()
        self._lasting: dict[tuple[str, str], tuple[Kind, int]] = {}

    @contextmanager
    def possible(self) -> Iterator["Faults"]:
        """Clients that are made within meet faults, in weather that is not calm."""
        from tests.fakes.faulty_answers import Answers
        from tests.fakes.faulty_files import faulty_files

        # The type is a list of several shapes of handlers.
        handlers: Any = BUILTIN_HANDLERS
        handler = ("before-send", Answers(self))
        handlers.insert(0, handler)
        aws.clear_clients()
        try:
            with (
                mock.patch.object(boto3, "DEFAULT_SESSION", None),
                # Each tenant's session would read the same descriptions of services anew.
                mock.patch.object(botocore.loaders, "create_loader", _LOADER),
                mock.patch.object(botocore.endpoint, "time", _NoWaiting(self.slept)),
                faulty_files(self),
            ):
                yield self
        finally:
            handlers.remove(handler)
            aws.clear_clients()

    @contextmanager
    def weather(self, weather: Weather) -> Iterator[None]:
        """Faults strike within, each time the same ones for the same requests."""
        with self._lock:
            self._weather = weather
            self._struck = 0
            self._asked.clear()
            self._lasting.clear()
        try:
            yield
        finally:
            self._weather = CALM

    def strike(self, operation: str) -> tuple[Kind, random.Random] | None:
        """The fault that this request meets, if any, and the dice for its details."""
        with self._lock:
            weather, kinds = self._weather, kinds_at(operation)
            if weather.only is not None:
                kinds = (weather.only[1],) if weather.only[0] == operation else ()
            if not weather.rate or not kinds or self._struck >= weather.most:
                return None
            thread = threading.current_thread().name
            lane = (thread if thread.startswith("writer") else "", operation)
            self._asked[lane] += 1
            dice = random.Random(f"{weather.seed} {lane} {self._asked[lane]}")
            kind, left = self._lasting.pop(lane, (kinds[0], 0))
            if not left:
                if dice.randrange(100) >= weather.rate:
                    return None
                kind, left = dice.choice(kinds), dice.choice((1, SDK_TRIES))
            if left > 1:
                self._lasting[lane] = kind, left - 1
            self._struck += 1
            self.injected[operation, kind] += 1
        return kind, dice

    def dated(self, answer: AWSResponse) -> AWSResponse:
        """S3's answer with the moment that the test gave to the version."""
        moment = self.moments.get(answer.headers.get("x-amz-version-id", ""))
        if moment is not None:
            answer.headers["Last-Modified"] = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer


_LOADER = cache(botocore.loaders.create_loader)


class _NoWaiting:
    """The module `time`, but its sleep only notes for how long."""

    def __init__(self, slept: list[float]) -> None:
        self._slept = slept

    def sleep(self, seconds: float) -> None:
        self._slept.append(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

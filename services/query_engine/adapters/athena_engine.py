"""Amazon Athena as an engine: the query is started, waited for and fetched with its tenant's credentials.

A session opens the tenant's Glue database, its prefix of the lake and its prefix of the results bucket, and
so does what Athena does on its behalf. The result comes from S3: by Athena's own pages of a thousand rows a
large one would not come in time.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from services.query_engine.adapters import athena_errors
from services.query_engine.adapters.athena_rows import frame_of
from services.query_engine.adapters.result_files import answer_of
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import Plan
from shared.errors import OnyxError
from shared.ids import UuidIds, deterministic_id
from shared.observability import logger
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef

STARTS = 5
"""How often a start is asked for that Athena puts off."""
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.2, 5.0, 1.5
"""Seconds between two looks at a query, and how they grow."""
MOST_BYTES = 256 * 2**20
"""Of a result, which is read into this process's memory."""
_RUNNING = frozenset({"QUEUED", "RUNNING"})


class Credentials(Protocol):
    """See `shared.tenant_credentials.TenantCredentials`."""

    def client(self, service: str, tenant: TenantId) -> Any: ...

    def forget(self, tenant: TenantId) -> None: ...


class Storage(Protocol):
    """How a result is put to its file: see `lake_access.LakeAccess`."""

    def storage_options(self, tenant: TenantId) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Waiting:
    """How time passes: the clock (seconds), the wait for `stop`, and a random number between two."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    # Jitter, no secret.
    uniform: Callable[[float, float], float] = random.Random().uniform  # noqa: S311


class AthenaEngine:
    """See `domain.answers.Engine`. For many threads; it computes nothing, and waits."""

    name = "athena"

    def __init__(
        self,
        *,
        workgroup: str,
        results_bucket: str,
        database: Callable[[TenantId], str],
        credentials: Credentials,
        storage: Storage,
        waiting: Waiting | None = None,
    ) -> None:
        self._workgroup = workgroup
        self._bucket = results_bucket
        self._database = database
        self._credentials = credentials
        self._storage = storage
        self._waiting = waiting or Waiting()

    def run(
        self,
        tenant: TenantId,
        plan: Plan,
        limits: Limits,
        timeout_seconds: float,
        stop: threading.Event | None = None,
    ) -> Answer:
        """See `domain.answers.Engine`. A fault that Athena calls its own and passing is tried once more.

        Raises OnyxError: QUERY_BUSY, QUERY_TIMEOUT, QUERY_CANCELLED, QUERY_TOO_LARGE, QUERY_MEMORY,
        RESULT_TOO_LARGE, LAKE_UNAVAILABLE, ENGINE_FAILED, and what the query itself fails of.
        """
        stop = stop or threading.Event()
        deadline = self._waiting.now() + timeout_seconds
        query_id = plan.query_id or UuidIds().new()
        try:
            found = self._done(tenant, plan, query_id, 1, deadline, stop)
            if athena_errors.may_be_tried_again(found["Status"]):
                found = self._done(tenant, plan, query_id, 2, deadline, stop)
            if found["Status"]["State"] != "SUCCEEDED":
                raise athena_errors.ended(found["Status"])
            frame = self._rows(tenant, plan, found)
        except (BotoCoreError, ClientError) as error:
            if not athena_errors.is_throttled(error):
                # They may have been revoked under way.
                self._credentials.forget(tenant)
            raise athena_errors.refused(error) from error
        return replace(answer_of(frame, limits, self._storage.storage_options(tenant)), engine=self.name)

    def _done(
        self,
        tenant: TenantId,
        plan: Plan,
        query_id: str,
        attempt: int,
        deadline: float,
        stop: threading.Event,
    ) -> "QueryExecutionTypeDef":
        """The execution once it has ended. Whatever else happens, it is stopped: nothing runs on unseen."""
        athena: AthenaClient = self._credentials.client("athena", tenant)
        execution = self._start(athena, tenant, plan, query_id, attempt, deadline, stop)
        try:
            return self._wait(athena, execution, deadline, stop)
        except BaseException:
            _stop(athena, execution)
            raise

    def _start(
        self,
        athena: "AthenaClient",
        tenant: TenantId,
        plan: Plan,
        query_id: str,
        attempt: int,
        deadline: float,
        stop: threading.Event,
    ) -> str:
        for number in range(STARTS):
            try:
                return athena.start_query_execution(
                    QueryString=plan.sql,
                    # The same one again starts nothing twice.
                    ClientRequestToken=deterministic_id("athena", tenant, query_id, str(attempt)),
                    QueryExecutionContext={"Database": self._database(tenant)},
                    ResultConfiguration={"OutputLocation": self._place(tenant, query_id)},
                    ResultReuseConfiguration={"ResultReuseByAgeConfiguration": {"Enabled": False}},
                    WorkGroup=self._workgroup,
                )["QueryExecutionId"]
            except ClientError as error:
                if not athena_errors.is_throttled(error):
                    raise
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (number + 1))
            self._pause(stop, deadline, self._waiting.uniform(FIRST_PAUSE, longest))
        raise athena_errors.busy()

    def _wait(
        self, athena: "AthenaClient", execution: str, deadline: float, stop: threading.Event
    ) -> "QueryExecutionTypeDef":
        pause = FIRST_PAUSE
        while True:
            try:
                found = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
                if found["Status"]["State"] not in _RUNNING:
                    return found
            except ClientError as error:
                # Who looks too often is told so; the query runs all the same.
                if not athena_errors.is_throttled(error):
                    raise
            self._pause(stop, deadline, pause)
            pause = min(LONGEST_PAUSE, pause * GROWTH)

    def _pause(self, stop: threading.Event, deadline: float, seconds: float) -> None:
        """Raises OnyxError (QUERY_CANCELLED, QUERY_TIMEOUT) where there is nothing to wait for."""
        left = deadline - self._waiting.now()
        if left > 0 and not stop.is_set():
            self._waiting.pause(stop, min(seconds, left))
        if stop.is_set():
            raise failure(errors.QUERY_CANCELLED, "The query was cancelled")
        if left <= 0:
            raise failure(
                errors.QUERY_TIMEOUT, "The query took longer than a query may: ask for less at once"
            )

    def _rows(self, tenant: TenantId, plan: Plan, found: "QueryExecutionTypeDef") -> Any:
        athena: AthenaClient = self._credentials.client("athena", tenant)
        told = athena.get_query_results(QueryExecutionId=found["QueryExecutionId"], MaxResults=1)
        columns = told["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        location = found["ResultConfiguration"]["OutputLocation"]
        prefix = f"s3://{self._bucket}/"
        if not location.startswith(f"{prefix}{tenant}/"):
            logger.error("Athena put a result elsewhere", location=location)
            raise failure(errors.ENGINE_FAILED, "The engine failed on this query")
        answer = self._credentials.client("s3", tenant).get_object(
            Bucket=self._bucket, Key=location.removeprefix(prefix)
        )
        if answer["ContentLength"] > MOST_BYTES:
            raise _too_large()
        return frame_of(answer["Body"].read(), columns, plan.columns)

    def _place(self, tenant: TenantId, query_id: str) -> str:
        return f"s3://{self._bucket}/{tenant}/athena/{query_id}/"


def _too_large() -> OnyxError:
    return failure(
        errors.RESULT_TOO_LARGE,
        f"The answer has more than {MOST_BYTES} bytes: select fewer columns, aggregate or LIMIT it",
    )


def _stop(athena: "AthenaClient", execution: str) -> None:
    try:
        athena.stop_query_execution(QueryExecutionId=execution)
    except (BotoCoreError, ClientError) as error:
        # The workgroup's limits end it.
        logger.warning("a query in Athena was not stopped", execution=execution, error_message=str(error))

"""The environments Onyx is deployed to, as typed, frozen values.

The same stacks are built for each of them: what differs is here and nowhere else. This module imports nothing
of the CDK, so that the command line can read a name from it without paying for jsii.
"""

import os
from dataclasses import dataclass
from enum import StrEnum


class Subnets(StrEnum):
    """Where the Fargate tasks run."""

    PUBLIC = "public"
    """Public subnets, no inbound rule but VpcLink's; AWS is reached over the internet gateway. No hourly
    cost."""
    PRIVATE = "private"
    """Isolated subnets; AWS is reached by interface endpoints only (about 8 USD a month each and zone)."""


@dataclass(frozen=True)
class TaskSize:
    """Size of a Fargate task: `cpu` in units of 1/1024 vCPU, `memory_mib` in MiB (a pair that Fargate
    sells)."""

    cpu: int
    memory_mib: int


@dataclass(frozen=True)
class Ingester:
    """The bill ingester: between `min_tasks` and `max_tasks` tasks by messages waiting and in flight."""

    size: TaskSize
    min_tasks: int
    max_tasks: int


@dataclass(frozen=True)
class Athena:
    """Amazon Athena for queries that read more than `above_mib` compressed MiB; it ends one that reads more
    than `cutoff_gib`. Off, there is no workgroup and no right to one: one machine answers what it can.

    On one machine it stays off: the emulator's Athena answers with made-up values.
    """

    enabled: bool = False
    above_mib: int = 4096
    cutoff_gib: int = 1024


@dataclass(frozen=True)
class QueryEngine:
    """The query engine's server: `tasks` of `size`, or none at all where it is not `enabled`.

    `timeout_seconds`, `max_rows`, `memory_mib` and `workers` bound one query; `memory_mib` is per worker, and
    so are `frames_mib` of columns in memory, which come to half as much again. `files_mib` of the task's disk
    (of which Fargate gives 20 GiB) are for copies of files.
    """

    enabled: bool
    size: TaskSize
    tasks: int
    timeout_seconds: int = 25
    max_rows: int = 10_000
    memory_mib: int = 2048
    frames_mib: int = 768
    files_mib: int = 12 * 1024
    workers: int = 2
    athena: Athena = Athena()


@dataclass(frozen=True)
class Workflows:
    """`mail_sender` is an address that SES has verified in the account; empty: workflows send no mail. To
    places (`host:port`, `host:*`) in `egress_allowed_hosts` their HTTP actions may speak though they are not
    on the public internet, and without TLS: never in an account, whose roles they would reach."""

    mail_sender: str = ""
    egress_allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alarms:
    """Thresholds: when somebody should be told."""

    queue_age_seconds: int
    """Age of the oldest message that no consumer has finished."""
    dead_letters: int
    """Messages in a dead-letter queue."""
    relay_age_seconds: int
    """Age of the oldest outbox record that the relay has not published."""
    api_server_errors: int
    """Answers with a 5xx status in five minutes."""
    failing_connections: int = 1
    """Connected accounts of which the bills could not be pulled, in each of four runs in a row."""


@dataclass(frozen=True)
class Api:
    """The HTTP API's edge: steady requests per second, burst, and the origins a browser may call from."""

    rate_limit: int
    burst_limit: int
    cors_origins: tuple[str, ...]


@dataclass(frozen=True)
class Environment:
    """One environment. `account` and `region` None: the template fits any (the CLI's profile decides)."""

    name: str
    account: str | None
    region: str | None
    retain_data: bool
    deletion_protection: bool
    log_retention_days: int
    noncurrent_version_days: int
    quarantine_days: int
    """How long refused deliveries are kept, from the day when they were put away."""
    subnets: Subnets
    bundle_layer: bool
    encrypt_catalog: bool
    """Encrypts the Glue catalog with the platform's key. It is one setting for a whole account and region,
    so it is right only where the account is this environment's own."""
    ingester: Ingester
    query_engine: QueryEngine
    alarms: Alarms
    api: Api
    workflows: Workflows = Workflows()

    @property
    def glue_database_prefix(self) -> str:
        """A tenant's Glue database is this and the tenant's id, `-` written as `_`."""
        return f"onyx_{self.name}_"

    def stack_name(self, part: str) -> str:
        """`onyx-<env>-<part>`."""
        return f"onyx-{self.name}-{part}"


_LOCAL_ORIGINS = ("http://localhost:3000", "http://127.0.0.1:3000")


def _dev() -> Environment:
    return Environment(
        name="dev",
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"),
        region=os.environ.get("CDK_DEFAULT_REGION"),
        retain_data=False,
        deletion_protection=False,
        log_retention_days=14,
        noncurrent_version_days=7,
        quarantine_days=14,
        subnets=Subnets.PUBLIC,
        bundle_layer=True,
        encrypt_catalog=False,
        ingester=Ingester(TaskSize(1024, 4096), min_tasks=0, max_tasks=2),
        query_engine=QueryEngine(enabled=True, size=TaskSize(2048, 8192), tasks=1),
        alarms=Alarms(queue_age_seconds=900, dead_letters=1, relay_age_seconds=300, api_server_errors=5),
        api=Api(rate_limit=50, burst_limit=100, cors_origins=_LOCAL_ORIGINS),
    )


def _staging() -> Environment:
    return Environment(
        name="staging",
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"),
        region=os.environ.get("CDK_DEFAULT_REGION"),
        retain_data=True,
        deletion_protection=False,
        log_retention_days=30,
        noncurrent_version_days=14,
        quarantine_days=30,
        subnets=Subnets.PUBLIC,
        bundle_layer=True,
        encrypt_catalog=False,
        ingester=Ingester(TaskSize(2048, 8192), min_tasks=0, max_tasks=4),
        query_engine=QueryEngine(enabled=True, size=TaskSize(2048, 8192), tasks=1),
        alarms=Alarms(queue_age_seconds=900, dead_letters=1, relay_age_seconds=300, api_server_errors=5),
        api=Api(rate_limit=100, burst_limit=200, cors_origins=()),
    )


def _prod() -> Environment:
    return Environment(
        name="prod",
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"),
        region=os.environ.get("CDK_DEFAULT_REGION"),
        retain_data=True,
        deletion_protection=True,
        log_retention_days=365,
        noncurrent_version_days=30,
        quarantine_days=90,
        subnets=Subnets.PUBLIC,
        bundle_layer=True,
        encrypt_catalog=True,
        ingester=Ingester(TaskSize(4096, 16384), min_tasks=0, max_tasks=8),
        query_engine=QueryEngine(
            enabled=True, size=TaskSize(4096, 16384), tasks=2, memory_mib=2560, workers=4
        ),
        alarms=Alarms(queue_age_seconds=600, dead_letters=1, relay_age_seconds=120, api_server_errors=5),
        api=Api(rate_limit=500, burst_limit=1000, cors_origins=()),
    )


LOCAL = Environment(
    name="local",
    account="000000000000",
    region="us-east-1",
    retain_data=False,
    deletion_protection=False,
    log_retention_days=1,
    noncurrent_version_days=1,
    quarantine_days=7,
    subnets=Subnets.PUBLIC,
    # Handlers run on the machine's own interpreter and virtual environment: no layer for another platform.
    bundle_layer=False,
    encrypt_catalog=False,
    ingester=Ingester(TaskSize(1024, 4096), min_tasks=1, max_tasks=1),
    query_engine=QueryEngine(enabled=True, size=TaskSize(2048, 8192), tasks=1),
    alarms=Alarms(queue_age_seconds=900, dead_letters=1, relay_age_seconds=300, api_server_errors=5),
    api=Api(rate_limit=1000, burst_limit=2000, cors_origins=_LOCAL_ORIGINS),
    workflows=Workflows(egress_allowed_hosts=("127.0.0.1:*", "localhost:*")),
)

NAMES = ("dev", "staging", "prod", "local")
_ON_AWS = {"dev": _dev, "staging": _staging, "prod": _prod}


def environment(name: str) -> Environment:
    """The environment of that name; ValueError names the ones there are."""
    if name == LOCAL.name:
        return LOCAL
    if name not in _ON_AWS:
        raise ValueError(f"ONYX_ENV={name!r} is not an environment; there are: {', '.join(NAMES)}")
    return _ON_AWS[name]()


def selected() -> list[Environment]:
    """What to synthesize: the one that ONYX_ENV names, else every environment on AWS."""
    name = os.environ.get("ONYX_ENV", "")
    return [environment(name)] if name else [build() for build in _ON_AWS.values()]

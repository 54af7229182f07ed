"""Fakes behind the query engine's ports, the demo tables of its tests, and tokens signed by a key of ours."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from services.query_engine.domain.answers import Answer, Limits, QueryRecord
from services.query_engine.domain.datasets import Dataset
from services.query_engine.domain.facts import FileFacts
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import Conflict, OnyxError
from shared.tenancy import TenantId

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

CHARGES = tuple(
    Column(name, kind)
    for name, kind in (
        ("ServiceName", "varchar"),
        ("RegionId", "varchar"),
        ("BilledCost", "decimal(38,18)"),
        ("EffectiveCost", "decimal(38,18)"),
        ("ChargePeriodStart", "timestamp"),
        ("Day", "date"),
        ("N", "bigint"),
        ("M", "bigint"),
        ("F", "double"),
        ("Flag", "boolean"),
        ("Tags", "map(varchar, varchar)"),
    )
)


def demo_tables(files: Mapping[str, tuple[str, ...]] | None = None) -> dict[str, Table]:
    """`charges` and `small`, alike in their columns."""
    held = files or {}
    return {
        name: Table(name, CHARGES, (FileGroup(held[name], CHARGES),) if name in held else (), snapshots=(7,))
        for name in ("charges", "small")
    }


class FakeCatalog:
    def __init__(self, tables: Mapping[str, dict[str, Table]]) -> None:
        self._tables = tables
        self.asked: list[datetime | None] = []

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        self.asked.append(as_of)
        return self._tables.get(tenant, {})


class FakeEngine:
    """Answers what it is told to, and remembers what it was asked."""

    name = "fake"

    def __init__(self, answer: Answer | OnyxError | Exception) -> None:
        self.answer = answer
        self.plans: list[Plan] = []
        self.timeouts: list[float] = []
        self.limits: list[Limits] = []
        self.tenants: list[TenantId] = []

    def run(
        self,
        tenant: TenantId,
        plan: Plan,
        limits: Limits,
        timeout_seconds: float,
        stop: threading.Event | None = None,
    ) -> Answer:
        self.limits.append(limits)
        self.tenants.append(tenant)
        self.plans.append(plan)
        self.timeouts.append(timeout_seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class FakeFacts:
    """Facts of files as they are given, or the error that stands for them; remembers what was asked."""

    def __init__(self, known: Mapping[str, FileFacts] | OnyxError) -> None:
        self._known = known
        self.asked: list[tuple[TenantId, tuple[str, ...]]] = []

    def facts(self, tenant: TenantId, paths: Sequence[str]) -> Mapping[str, FileFacts]:
        self.asked.append((tenant, tuple(paths)))
        if isinstance(self._known, OnyxError):
            raise self._known
        return {path: self._known[path] for path in paths if path in self._known}


class FakeQueryLog:
    def __init__(self) -> None:
        self.records: dict[tuple[str, str], QueryRecord] = {}

    def begin(self, tenant: TenantId, record: QueryRecord) -> None:
        if (tenant, record.query_id) in self.records:
            raise Conflict("the query is recorded already")
        self.records[tenant, record.query_id] = record

    def finish(self, tenant: TenantId, record: QueryRecord) -> None:
        assert (tenant, record.query_id) in self.records
        self.records[tenant, record.query_id] = record

    def find(self, tenant: TenantId, query_id: str) -> QueryRecord | None:
        return self.records.get((tenant, query_id))

    def renew(self, tenant: TenantId, query_id: str, lease_until: datetime) -> bool:
        found = self.records[tenant, query_id]
        self.records[tenant, query_id] = replace(found, lease_until=lease_until)
        return found.cancel_requested

    def request_cancel(self, tenant: TenantId, query_id: str) -> QueryRecord | None:
        found = self.records.get((tenant, query_id))
        if found is None:
            return None
        self.records[tenant, query_id] = replace(found, cancel_requested=True)
        return self.records[tenant, query_id]


class FakeDatasets:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Dataset] = {}

    def record(self, tenant: TenantId, dataset: Dataset) -> bool:
        kept = self.rows.get((tenant, dataset.bill_id))
        if kept is not None and kept.published_at >= dataset.published_at:
            return False
        self.rows[tenant, dataset.bill_id] = dataset
        return True

    def record_together(self, datasets: Sequence[tuple[TenantId, Dataset]]) -> None:
        before, latest = dict(self.rows), sorted(datasets, key=lambda each: each[1].published_at)
        if not all(self.record(*each) for each in {(t, d.bill_id): (t, d) for t, d in latest}.values()):
            self.rows = before
            raise Conflict("a dataset is no news")

    def all(self, tenant: TenantId) -> list[Dataset]:
        return [row for (owner, _), row in self.rows.items() if owner == tenant]


ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Query"
CLIENT = "client-1"


class Signer:
    """An issuer with one RSA key."""

    def __init__(self, key_id: str = "key-1") -> None:
        self.key_id = key_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwk(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.jwk()]}

    def token(
        self,
        tenant: str = "acme",
        *,
        key_id: str | None = None,
        expires_in: timedelta = timedelta(hours=1),
        without: tuple[str, ...] = (),
        **claims: Any,
    ) -> str:
        """An access token as Cognito issues it; `claims` replace its own."""
        payload = {
            "iss": ISSUER,
            "sub": "ada",
            "client_id": CLIENT,
            "token_use": "access",
            "scope": "onyx/api",
            "tenant": tenant,
            "roles": "analyst",
            "exp": datetime.now(UTC) + expires_in,
            **claims,
        }
        for name in without:
            payload.pop(name)
        return jwt.encode(payload, self._key, "RS256", headers={"kid": key_id or self.key_id})

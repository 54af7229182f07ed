"""What is new of a served tenant is brought in once, the newest months of it, and again when it failed."""

from datetime import UTC, datetime, timedelta

from services.query_engine.adapters.hydration_watch import HydrationWatch
from services.query_engine.domain.datasets import Dataset
from services.query_engine.domain.errors import LAKE_UNAVAILABLE
from services.query_engine.domain.tables import Column, FileGroup, Table, Version
from shared.errors import Unavailable
from shared.tenancy import TenantId
from tests.fakes.query_engine import FakeDatasets

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
START = datetime(2026, 11, 1, tzinfo=UTC)
HELD = (Column("BilledCost", "decimal(38,18)"),)


class Bills:
    """A tenant's bills, one file each."""

    def __init__(self) -> None:
        self.bills: dict[TenantId, dict[str, str]] = {}

    def publish(self, tenant: TenantId, period: str, path: str) -> None:
        self.bills.setdefault(tenant, {})[period] = path

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        bills = self.bills.get(tenant, {})
        files = tuple(bills.values())
        versions = tuple(
            Version("d", "charges", 1, (("x_source", "aws"), ("x_billingperiod", period)), HELD, (path,))
            for period, path in bills.items()
        )
        groups = (FileGroup(files, HELD),) if files else ()
        return {"charges": Table("charges", HELD, groups, versions=versions)}


class World:
    def __init__(self) -> None:
        self.bills, self.datasets = Bills(), FakeDatasets()
        self.served: list[TenantId] = []
        self.warmed: list[tuple[TenantId, set[str], int]] = []
        self.away = False
        self.watch = HydrationWatch(self.bills, self.datasets, lambda: self.served, self.warm, months=2)

    def warm(self, tenant: TenantId, tables: list[Table], bound: frozenset[str]) -> None:
        if self.away:
            raise Unavailable("no credentials", code=LAKE_UNAVAILABLE)
        self.warmed.append((tenant, {path for each in tables for path in each.files}, len(bound)))

    def ingest(self, tenant: TenantId, period: str, number: int = 0) -> None:
        self.bills.publish(tenant, period, f"s3://lake/{tenant}/{period}-{number}")
        moment = START + timedelta(minutes=number)
        self.datasets.record(tenant, Dataset(f"aws.{period}", "aws", period, ("charges",), 1, moment))


def test_the_newest_months_come_in_once() -> None:
    world = World()
    for period in ("2026-08", "2026-09", "2026-10"):
        world.ingest(ACME, period)
    world.served = [ACME]
    world.watch.look()
    world.watch.look()
    newest = {"s3://lake/acme/2026-09-0", "s3://lake/acme/2026-10-0"}
    assert world.warmed == [(ACME, newest, 3)]


def test_a_restated_bill_comes_in_again() -> None:
    world = World()
    world.ingest(ACME, "2026-10")
    world.served = [ACME]
    world.watch.look()
    world.ingest(ACME, "2026-10", number=1)
    world.watch.look()
    assert world.warmed[-1] == (ACME, {"s3://lake/acme/2026-10-1"}, 1)


def test_tenants_that_nobody_serves_are_left_alone() -> None:
    world = World()
    world.ingest(ACME, "2026-10")
    world.ingest(GLOBEX, "2026-10")
    world.served = [GLOBEX]
    world.watch.look()
    assert [tenant for tenant, _, _ in world.warmed] == [GLOBEX]


def test_what_failed_is_tried_again_and_keeps_nobody_else_back() -> None:
    world = World()
    world.ingest(ACME, "2026-10")
    world.served, world.away = [ACME], True
    world.watch.look()
    assert world.warmed == []
    world.away = False
    world.watch.look()
    world.watch.look()
    assert len(world.warmed) == 1

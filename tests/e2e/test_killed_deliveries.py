"""The ingester is killed in deliveries of several files, restatements and refusals: each has one effect."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]  # each kill waits for heartbeats that do not come

FOLDER = "shop/bills/{}/BILLING_PERIOD=2026-09/{}"
"""Data Exports' layout, in its overwriting mode."""


@dataclass(frozen=True)
class Landing:
    """A tenant's part of the landing bucket."""

    platform: Platform
    tenant: str
    folder: Path

    @property
    def bucket(self) -> str:
        return self.platform.output("lake", "LandingBucket")

    def put(self, key: str, body: bytes) -> None:
        self.platform.client("s3").put_object(Bucket=self.bucket, Key=f"{self.tenant}/{key}", Body=body)

    def put_bill(self, key: str, *costs: str) -> None:
        self.put(key, focus_bill(self.folder, costs).read_bytes())

    def put_parts(self, *costs: str) -> None:
        """One file of each cost."""
        for number, cost in enumerate(costs, start=1):
            self.put_bill(FOLDER.format("data", f"bills-{number}.csv"), cost)

    def put_manifest(self, parts: int) -> None:
        names = [FOLDER.format("data", f"bills-{number}.csv") for number in range(1, parts + 1)]
        files = [f"s3://theirs/{name.removeprefix('shop/')}" for name in names]
        text = json.dumps({"dataFiles": files})
        self.put(FOLDER.format("metadata", "bills-Manifest.json"), text.encode())

    def keys(self) -> set[str]:
        listed = self.platform.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=f"{self.tenant}/")
        return {each["Key"].removeprefix(f"{self.tenant}/") for each in listed.get("Contents", [])}


@pytest.fixture
def landing(platform: Platform, tenant: str, tmp_path: Path) -> Landing:
    return Landing(platform, tenant, tmp_path)


@contextmanager
def dying_at(landing: Landing, failpoint: str) -> Iterator[Callable[[], str]]:
    """The ingester dies there, once; what is given waits until it has, and says where."""
    armed = killing.QUICK | killing.armed(landing.folder, failpoint)
    with killing.task_environment(landing.platform, "ingester", armed):
        yield lambda: wait_for(lambda: killing.struck(landing.folder), "the kill")


def facts(landing: Landing) -> list[tuple[str, dict[str, Any]]]:
    """(kind, data) of each fact that was recorded of the tenant's bills."""
    found = killing.rows(landing.platform, "cost-center", "Outbox", f"TENANT#{landing.tenant}#OUTBOX")
    bills = [row for row in found if row["detail_type"]["S"].startswith("Bill")]
    return [(row["detail_type"]["S"], json.loads(row["envelope"]["S"])["data"]) for row in bills]


def settled(landing: Landing) -> None:
    """No delivery waits, fails or is open any more."""

    def done() -> bool:
        found = killing.rows(landing.platform, "cost-center", "Bill", f"TENANT#{landing.tenant}")
        rows = [row for row in found if row["sk"]["S"].startswith("DELIVERY#")]
        return bool(rows) and all(row.get("closed", {}).get("BOOL") for row in rows)

    wait_for(done, "every delivery to be closed", 120)


def money(landing: Landing, published_at: str) -> tuple[str, int]:
    """(the tenant's cost, its charges) once its one bill's set of that moment can be queried."""
    platform, tenant = landing.platform, landing.tenant
    moment = datetime.fromisoformat(published_at)
    wait_for(lambda: [at for _, at in killing.handled(platform, tenant)] == [moment], "the consumer", 120)
    (row,) = platform.query(
        "SELECT sum(BilledCost) AS cost, count(*) AS n FROM charges", platform.token(tenant)
    )
    return row["cost"], row["n"]


@pytest.mark.parametrize(
    "failpoint",
    ["ingest: part noted", "ingest: delivery waiting", "ingest: delivery gathered", "ingest: parts noted"],
)
def test_a_delivery_of_several_files(landing: Landing, failpoint: str) -> None:
    with dying_at(landing, failpoint) as struck:
        put = [
            lambda: landing.put_manifest(parts=2),
            lambda: landing.put_parts("1.25", "0.000000000000000001"),
        ]
        if failpoint == "ingest: part noted":
            put.reverse()
        put.pop(0)()
        # Both of these are reached only while the other half is not there.
        if failpoint in ("ingest: delivery waiting", "ingest: part noted"):
            assert struck() == failpoint
        put.pop()()
        assert struck() == failpoint
        settled(landing)
    ((kind, bill),) = facts(landing)
    assert (kind, bill["rows"]) == ("BillIngested.v1", 2)
    assert money(landing, bill["published_at"]) == ("1.250000000000000001", 2)


def test_a_restatement(landing: Landing) -> None:
    landing.put_bill("shop/1/bill.csv", "1.25", "2")
    settled(landing)
    with dying_at(landing, "ingest: changes saved") as struck:
        landing.put_bill("shop/2/bill.csv", "1.25", "4")
        assert struck() == "ingest: changes saved"
        settled(landing)
    first, (kind, restated) = sorted(facts(landing), key=lambda each: str(each[1]["published_at"]))
    assert (first[0], kind) == ("BillIngested.v1", "BillRestated.v1")
    assert restated["previous"]["published_at"] == first[1]["published_at"]
    assert money(landing, restated["published_at"]) == ("5.25", 2)


@pytest.mark.parametrize(
    ("failpoint", "parts"),
    [
        ("ingest: quarantined", 1),
        ("ingest: file quarantined", 2),
        ("ingest: manifest noted", 2),
        ("ingest: quarantined", 2),
    ],
)
def test_a_refusal(landing: Landing, failpoint: str, parts: int) -> None:
    with dying_at(landing, failpoint) as struck:
        if parts == 1:
            landing.put_bill("shop/1/bill.csv", "1,5")
        else:
            landing.put_manifest(parts)
            landing.put_parts("1.25", "1,5")
        assert struck() == failpoint
        settled(landing)
    ((kind, refused),) = facts(landing)
    assert kind == "BillRejected.v1"
    folder, kept = f".quarantine/{refused['delivery_id']}/", landing.keys()
    assert all(key.startswith(folder) for key in kept)
    assert len(kept) == (1 if parts == 1 else parts + 1)

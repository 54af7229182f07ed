"""What `as_of` binds: for each bill the set that was published then, or a refusal that names what is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl
import pytest
from moto import mock_aws

from services.cost_center.events import BILL_PREFIX, SET_PREFIX
from services.query_engine.adapters.published_catalog import PublishedCatalog
from services.query_engine.domain.front_door import read_query
from shared.clock import FixedClock, iso
from shared.errors import BadRequest, Forbidden
from shared.tenancy import TenantId
from tests.fakes.query_engine_lake import LAKE, Lake

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRAME = pl.DataFrame({"BilledCost": pl.Series([Decimal("1.5")], dtype=pl.Decimal(38, 18))})


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Lake()


def uri(tenant: str, name: str) -> str:
    return f"s3://{LAKE}/{tenant}/curated/charges/data/{name}.parquet"


def publish(lake: Lake, tenant: str, bill_id: str, moments: list[datetime], gone: int = 0) -> None:
    """A bill whose sets were published at `moments`, the first `gone` of which are let go of."""
    for number, moment in enumerate(moments):
        row: dict[str, Any] = {"bill_id": bill_id, "published_at": iso(moment)}
        if number >= gone:
            name = f"{bill_id}-{number}"
            table = {
                "database": "d",
                "table": "charges",
                "snapshot_id": number,
                "files": [uri(tenant, name)],
                "rows": number,
                "columns": [{"name": "BilledCost", "type": "decimal(38,18)"}],
            }
            row["tables"] = {"charges": table}
        lake.bills.put_new(TenantId(tenant), f"{SET_PREFIX}{bill_id}#{iso(moment)}", row)
    files = {"charges": [uri(tenant, f"{bill_id}-{len(moments) - 1}")]}
    lake.publish(tenant, bill_id, {"charges": FRAME}, published_at=moments[-1], files=files)


def bound(lake: Lake, as_of: datetime | None, tenant: TenantId = ACME) -> list[str]:
    tables = PublishedCatalog(lake.bills, LAKE, FixedClock(NOW)).tables(tenant, as_of)
    return sorted(each.rpartition("/")[2].removesuffix(".parquet") for each in tables["charges"].files)


def test_each_bill_is_bound_by_the_set_that_reigned_then(lake: Lake) -> None:
    first = NOW - 10 * HOUR
    publish(lake, "acme", "aws.2026-10", [first, first + 2 * HOUR, first + 4 * HOUR])
    publish(lake, "acme", "aws.2026-1", [first + HOUR])  # whose id begins as the other's does
    publish(lake, "globex", "aws.2026-10", [first])

    def at(hours: float) -> list[str]:
        return bound(lake, first + hours * HOUR)

    assert at(-0.1) == []
    assert at(0) == ["aws.2026-10-0"], "from its very moment on"
    assert at(1.5) == ["aws.2026-1-0", "aws.2026-10-0"]
    assert at(2) == at(3.9) == ["aws.2026-1-0", "aws.2026-10-1"]
    assert at(4) == at(10) == bound(lake, None) == ["aws.2026-1-0", "aws.2026-10-2"]
    assert bound(lake, first + HOUR, GLOBEX) == ["aws.2026-10-0"]
    tables = PublishedCatalog(lake.bills, LAKE).tables(ACME, first - HOUR)
    assert "BilledCost" in [each.name for each in tables["charges"].columns], "charges answers all the same"


def test_a_moment_that_is_not_kept_is_refused_and_the_nearest_are_named(lake: Lake) -> None:
    old = datetime(2026, 3, 10, tzinfo=UTC)
    publish(lake, "acme", "aws.2026-02", [old, old + HOUR, old + 2 * HOUR], gone=2)
    publish(lake, "globex", "aws.2026-02", [old])
    with pytest.raises(BadRequest) as refused:
        bound(lake, old + HOUR / 2)
    assert refused.value.code == "AS_OF_NOT_KEPT"
    [finding] = refused.value.errors
    assert finding["bill_id"] == "aws.2026-02"
    nearest = ["2026-03-01T00:00:00.000000Z", "2026-04-01T00:00:00.000000Z"]
    assert finding["nearest"] == nearest
    assert all(each in refused.value.detail for each in nearest)
    for each in nearest:
        bound(lake, datetime.fromisoformat(each))
    assert bound(lake, old - HOUR) == [], "before its first set there was none"
    assert bound(lake, old + 2 * HOUR) == ["aws.2026-02-2"]
    assert bound(lake, old + HOUR / 2, GLOBEX) == ["aws.2026-02-0"]


def test_history_is_no_way_round_the_check_of_paths(lake: Lake) -> None:
    publish(lake, "acme", "aws.2026-10", [NOW - 2 * HOUR, NOW - HOUR])
    key = f"{SET_PREFIX}aws.2026-10#{iso(NOW - 2 * HOUR)}"
    row = lake.bills.get(ACME, key)
    assert row is not None
    row["tables"]["charges"]["files"] = [uri("globex", "x")]
    lake.bills.put(ACME, key, row, expected_version=int(row.pop("version")))
    with pytest.raises(Forbidden):
        bound(lake, NOW - 1.5 * HOUR)
    assert bound(lake, None) == ["aws.2026-10-1"]


def test_a_bill_that_was_only_rejected_has_no_past(lake: Lake) -> None:
    lake.bills.put_new(ACME, f"{BILL_PREFIX}x.2026-10", {"bill_id": "x.2026-10", "published": None})
    assert bound(lake, NOW) == []


def test_a_table_at_two_moments_in_one_query(lake: Lake) -> None:
    first = NOW - 10 * HOUR
    publish(lake, "acme", "aws.2026-10", [first, first + 2 * HOUR], gone=0)
    publish(lake, "globex", "aws.2026-10", [first, first + 2 * HOUR])
    catalog = PublishedCatalog(lake.bills, LAKE, FixedClock(NOW))

    def files(tenant: TenantId, moment: datetime) -> list[tuple[str, tuple[str, ...]]]:
        query = read_query(
            "SELECT count(*) FROM charges a,"
            f" charges FOR TIMESTAMP AS OF TIMESTAMP '{moment:%Y-%m-%d %H:%M} UTC' b"
            " WHERE a.BilledCost = b.BilledCost",
            catalog.tables(tenant),
            NOW,
            earlier=partial(catalog.tables, tenant),
        )
        return sorted((table.name, table.files) for table in query.tables.values())

    for tenant in (ACME, GLOBEX):
        now, then = files(tenant, first + HOUR)
        assert now == ("charges", (uri(tenant, "aws.2026-10-1"),))
        assert then == (f"charges@{iso(first + HOUR)}", (uri(tenant, "aws.2026-10-0"),))


def test_a_moment_in_a_query_that_is_not_kept(lake: Lake) -> None:
    first = NOW - 10 * HOUR
    publish(lake, "acme", "aws.2026-10", [first, first + 2 * HOUR], gone=1)
    catalog = PublishedCatalog(lake.bills, LAKE, FixedClock(NOW))
    with pytest.raises(BadRequest, match="Nearest moments") as refused:
        read_query(
            "SELECT count(*) FROM charges FOR TIMESTAMP AS OF current_timestamp - INTERVAL '9' HOUR",
            catalog.tables(ACME),
            NOW,
            earlier=partial(catalog.tables, ACME),
        )
    assert refused.value.code == "AS_OF_NOT_KEPT"

"""One source feeds charges for a billing account and period, account by account."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cost_center.application.prepare import Prepare
from services.cost_center.domain.bill import Status
from services.cost_center.domain.tables import StagedTable
from services.cost_center.events import BillRestated
from shared.errors import OnyxError
from tests.fakes.cost_center import ACME, Tampering, World
from tests.fakes.cost_center_bills import FOCUS_ROW, csv_bytes

PERIOD = "2026-09"


def bill(costs: Mapping[str, str]) -> bytes:
    """A FOCUS bill with one row per billing account."""
    return csv_bytes(
        [{**FOCUS_ROW, "BillingAccountId": account, "BilledCost": cost} for account, cost in costs.items()]
    )


def charges(world: World, source: str) -> dict[str, Decimal]:
    """What the source's published bill feeds, by billing account."""
    found = world.bills.bill(ACME, f"{source}.{PERIOD}")
    assert found is not None
    assert found.published is not None
    assert found.published.primary is ("charges" in found.published.tables)
    table = found.published.tables.get("charges")
    if table is None:
        return {}
    rows = pl.read_parquet(table.files)
    assert table.rows == rows.height
    return dict(rows.group_by("BillingAccountId").agg(pl.col("BilledCost").sum()).iter_rows())


def raw_only(world: World, source: str) -> dict[str, bool]:
    found = world.bills.bill(ACME, f"{source}.{PERIOD}")
    assert found is not None
    assert found.published is not None
    groups = world.bills.reconciliation(ACME, found.bill_id, found.published)
    assert all(group.adds_up for group in groups)
    return {group.key.billing_account: group.raw_only for group in groups}


def test_a_bill_feeds_the_accounts_that_no_other_source_does(world: World) -> None:
    world.deliver("acme/first/bill.csv", bill({"a": "1.5"}))
    [outcome] = world.deliver("acme/second/bill.csv", bill({"a": "1.25", "b": "2.5", "c": "4"}))

    assert outcome.status is Status.INGESTED
    assert outcome.rows == 3
    assert outcome.reasons == (
        "charges of billing account a for 2026-09 come from source first: 1.25 USD of this bill are kept raw "
        "and are not added to them",
    )
    assert charges(world, "first") == {"a": Decimal("1.5")}
    assert charges(world, "second") == {"b": Decimal("2.5"), "c": Decimal(4)}
    assert raw_only(world, "second") == {"a": True, "b": False, "c": False}
    assert world.bills.primaries(ACME, PERIOD).sources == {"a": "first", "b": "second", "c": "second"}
    event = world.bills.events[-1]
    assert event.primary  # type: ignore[union-attr]
    assert event.tables == ["charges", "focus"]  # type: ignore[union-attr]
    found = world.bills.bill(ACME, f"second.{PERIOD}")
    assert found is not None
    assert found.published is not None
    assert found.published.tables["focus"].rows == 3, "raw is whole"


def test_a_restatement_tells_of_what_it_feeds_only(world: World) -> None:
    world.deliver("acme/first/bill.csv", bill({"a": "1"}))
    world.deliver("acme/second/bill.csv", bill({"a": "1", "b": "2"}))
    world.deliver("acme/second/bill.csv", bill({"a": "7", "b": "5"}))
    event = world.bills.events[-1]
    assert isinstance(event, BillRestated)
    assert [(each.before, each.after) for each in event.changes.largest] == [(Decimal(2), Decimal(5))]
    assert charges(world, "second") == {"b": Decimal(5)}


def test_a_lost_race_for_an_account_makes_the_charges_anew(world: World) -> None:
    """While a bill of three accounts is published, two others take one each: the end is as if they were
    first."""
    takers = [("x", "a"), ("y", "b")]

    def taken() -> None:
        hook = world.bills.before_record
        world.bills.before_record = lambda: None
        if takers:
            source, account = takers.pop()
            world.deliver(f"acme/{source}/bill.csv", bill({account: "9"}))
        world.bills.before_record = hook if takers else lambda: None

    world.bills.before_record = taken
    [outcome] = world.deliver("acme/second/bill.csv", bill({"a": "1", "b": "2", "c": "4"}))

    assert takers == []
    assert len(outcome.reasons) == 2
    assert charges(world, "second") == {"c": Decimal(4)}
    assert raw_only(world, "second") == {"a": True, "b": True, "c": False}


def test_an_account_that_is_fed_no_more_is_free(world: World) -> None:
    world.deliver("acme/first/bill.csv", bill({"a": "1", "b": "2"}))
    world.deliver("acme/first/bill.csv", bill({"a": "1"}))
    world.deliver("acme/second/bill.csv", bill({"a": "1", "b": "3"}))
    assert charges(world, "second") == {"b": Decimal(3)}


def test_charges_that_are_not_what_was_reconciled_are_not_published(tmp_path: Path) -> None:
    class Losing(Tampering):
        def of_accounts(self, charges: StagedTable, accounts: frozenset[str], workdir: Path) -> StagedTable:
            return super().of_accounts(charges, frozenset(sorted(accounts)[1:]), workdir)

    world = World(tmp_path, Losing(lambda staged: staged))
    assert isinstance(world.prepare, Prepare)
    world.deliver("acme/first/bill.csv", bill({"a": "1"}))
    with pytest.raises(OnyxError, match="does not add up"):
        world.deliver("acme/second/bill.csv", bill({"a": "1", "b": "2", "c": "4"}))
    assert world.bills.bill(ACME, f"second.{PERIOD}") is None


def test_a_part_of_the_charges_is_written_as_all_of_them_are(world: World) -> None:
    """Iceberg takes files as they are: a map that became a list would be no Tags."""
    world.deliver("acme/first/bill.csv", bill({"a": "1"}))
    world.deliver("acme/second/bill.csv", bill({"a": "1", "b": "2"}))
    (whole,) = sets(world, "first")
    (part,) = sets(world, "second")
    assert pq.read_schema(part).equals(pq.read_schema(whole), check_metadata=True)
    assert pa.types.is_map(pq.read_schema(part).field("Tags").type)
    assert pq.ParquetFile(part).metadata.row_group(0).column(0).compression == "ZSTD"


def sets(world: World, source: str) -> list[str]:
    found = world.bills.bill(ACME, f"{source}.{PERIOD}")
    assert found is not None
    assert found.published is not None
    return found.published.tables["charges"].files


ACCOUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9).map(str), min_size=1)


@settings(max_examples=25, deadline=None)
@given(deliveries=st.lists(st.tuples(st.sampled_from(("s1", "s2", "s3")), ACCOUNTS), min_size=1, max_size=5))
def test_every_account_is_fed_once_and_whole(deliveries: list[tuple[str, dict[str, str]]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        last: dict[str, dict[str, str]] = {}
        for source, costs in deliveries:
            world.deliver(f"acme/{source}/bill.csv", bill(costs))
            last[source] = costs
        feeding = world.bills.primaries(ACME, PERIOD).sources
        fed = {source: charges(world, source) for source in last}
        for source, amounts in fed.items():
            flags = raw_only(world, source)
            assert set(flags) == set(last[source])
            assert set(amounts) == {account for account, flag in flags.items() if not flag}
            for account, amount in amounts.items():
                assert feeding[account] == source
                assert amount == Decimal(last[source][account])
        assert {account for amounts in fed.values() for account in amounts} == set(feeding)

"""One truth, said in three formats: the real reader must find the same money in legacy CUR and in FOCUS.

The FOCUS writer follows the specification and shares no rule with the reader's mapping of the CUR, so
that where the sums agree, two readings of two documents do.
"""

import json
import re
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra import demo
from infra.demo.generate import Written
from infra.demo.spec import BillFormat, Container
from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.application.prepare import Prepare
from tests.fakes.demo_bills import FORMATS, Row, rows, sums, written

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
SHARED = (
    "BillingAccountId",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "InvoiceId",
    "InvoiceIssuerName",
    "ProviderName",
    "PublisherName",
    "SubAccountId",
    "SubAccountType",
    "ServiceName",
    "ServiceCategory",
    "RegionId",
    "RegionName",
    "AvailabilityZone",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ChargeClass",
    "CommitmentDiscountId",
    "CommitmentDiscountCategory",
    "CommitmentDiscountType",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "x_ServiceCode",
    "x_UsageType",
    "x_Operation",
)
"""The dimensions that both have in full. What a CUR cannot tell (the unused part of a commitment as a
charge of its own, names of accounts) is in ChargeCategory, CommitmentDiscountStatus and the like."""


def test_the_generator_knows_nothing_of_how_a_bill_is_read() -> None:
    sources = [path.read_text() for path in Path(demo.__file__).parent.rglob("*.py")]

    assert len(sources) > 20
    assert not any(re.search(r"^\s*(from|import) services", source, re.MULTILINE) for source in sources)


def charges(bill: Written, folder: Path) -> pl.DataFrame:
    """The curated rows of a bill, as Onyx's own reader makes them; each of its bills reconciles."""
    folder.mkdir()
    (file,) = bill.files
    prepared = Prepare(LocalFiles(), PolarsConverter(), PlainReader())(file, file.name, "demo", folder)
    assert prepared.rejection is None, prepared.rejection
    return pl.concat([pl.read_parquet(one.charges.paths) for one in prepared.bills])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[BillFormat, tuple[Written, pl.DataFrame]]:
    folder = tmp_path_factory.mktemp("truth")
    found = {}
    for fmt in (BillFormat.CUR, BillFormat.FOCUS):
        bill = written(folder / fmt, format=fmt, single=True, rows=8_000)
        found[fmt] = bill, charges(bill, folder / f"{fmt}-work")
    return found


def by(frame: pl.DataFrame, dimension: str, cost: str) -> dict[object, Decimal]:
    grouped = frame.group_by(dimension).agg(pl.col(cost).sum())
    return {key: total for key, total in grouped.iter_rows() if total}


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("dimension", SHARED)
def test_legacy_cur_and_focus_give_the_same_charges(
    both: dict[BillFormat, tuple[Written, pl.DataFrame]], dimension: str, cost: str
) -> None:
    cur, focus = (by(frame, dimension, cost) for _, frame in both.values())

    assert cur == focus
    assert cur


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("tag", ["env", "team", "app", "Name", "Environment"])
def test_tags_are_the_same(both: dict[BillFormat, tuple[Written, pl.DataFrame]], tag: str, cost: str) -> None:
    def tagged(frame: pl.DataFrame) -> dict[object, Decimal]:
        found: dict[object, Decimal] = {}
        for tags, amount in frame.select("Tags", cost).iter_rows():
            value = dict(tags or {}).get(tag)
            found[value] = found.get(value, Decimal(0)) + amount
        return {value: total for value, total in found.items() if total}

    cur, focus = (tagged(frame) for _, frame in both.values())
    assert cur == focus
    assert cur


@pytest.mark.parametrize("fmt", [BillFormat.CUR, BillFormat.FOCUS])
def test_the_charges_are_what_the_key_says(
    both: dict[BillFormat, tuple[Written, pl.DataFrame]], fmt: BillFormat
) -> None:
    bill, frame = both[fmt]
    for dimension, name in (
        ("SubAccountId", "by_account"),
        ("x_ServiceCode", "by_service"),
        ("x_BillingPeriod", "by_period"),
        ("InvoiceId", "by_invoice"),
    ):
        for cost, metric in (("BilledCost", "billed"), ("EffectiveCost", "effective")):
            said = bill.answers["totals"][name]
            known = {key: total for key, each in said.items() if (total := Decimal(each[metric]))}
            assert by(frame, dimension, cost) == known


def test_every_format_has_the_same_key(tmp_path: Path) -> None:
    keys = [written(tmp_path / fmt, format=fmt, single=True).answers for fmt in FORMATS]

    assert keys[0] == keys[1] == keys[2]


@pytest.mark.parametrize("edp", [0, 850])
def test_an_enterprise_discount_bills_the_same_in_both(tmp_path: Path, edp: int) -> None:
    frames = []
    for fmt in (BillFormat.CUR, BillFormat.FOCUS):
        bill = written(tmp_path / fmt, format=fmt, single=True, edp_basis_points=edp)
        frames.append(charges(bill, tmp_path / f"{fmt}-work"))

    for dimension in (
        "SubAccountId",
        "x_ServiceCode",
        "RegionId",
        "InvoiceId",
        "ChargePeriodStart",
        "ResourceId",
    ):
        cur, focus = (by(frame, dimension, "BilledCost") for frame in frames)
        assert cur == focus


@settings(max_examples=10, deadline=None)
@given(
    fmt=st.sampled_from([BillFormat.CUR, BillFormat.FOCUS]),
    seed=st.integers(0, 2**40),
    months=st.integers(1, 2),
    accounts=st.integers(2, 9),
    edp=st.sampled_from([0, 1, 850, 3333]),
)
def test_raw_is_curated_is_the_truth_of_any_bill(
    fmt: BillFormat, seed: int, months: int, accounts: int, edp: int
) -> None:
    with TemporaryDirectory() as folder:
        bill = written(
            Path(folder),
            format=fmt,
            single=True,
            rows=1_500 * months,
            seed=seed,
            months=months,
            accounts=accounts,
            edp_basis_points=edp,
        )
        # Every bill reconciles: raw and curated are summed by two readers, group by group.
        frame = charges(bill, Path(folder) / "work")

    said = bill.answers["totals"]["by_period_and_account"]
    found = by(
        frame.with_columns(key=pl.concat_str("x_BillingPeriod", pl.lit("/"), "SubAccountId")),
        "key",
        "BilledCost",
    )
    assert found == {key: total for key, each in said.items() if (total := Decimal(each["billed"]))}


@pytest.mark.parametrize("edp", [0, 850])
def test_cur_2_says_line_by_line_what_the_legacy_report_says(tmp_path: Path, edp: int) -> None:
    legacy, new = (
        {
            row[key]: row
            for row in rows(written(tmp_path / fmt, format=fmt, single=True, edp_basis_points=edp).files)
        }
        for fmt, key in ((BillFormat.CUR, "identity/LineItemId"), (BillFormat.CUR2, "identity_line_item_id"))
    )
    pairs = {
        "lineItem/UnblendedCost": "line_item_unblended_cost",
        "lineItem/UsageAmount": "line_item_usage_amount",
        "lineItem/ResourceId": "line_item_resource_id",
        "lineItem/UsageAccountId": "line_item_usage_account_id",
        "pricing/publicOnDemandCost": "pricing_public_on_demand_cost",
        "savingsPlan/SavingsPlanEffectiveCost": "savings_plan_savings_plan_effective_cost",
        "reservation/EffectiveCost": "reservation_effective_cost",
        "reservation/ReservationARN": "reservation_reservation_a_r_n",
        **({"lineItem/NetUnblendedCost": "line_item_net_unblended_cost"} if edp else {}),
    }
    assert legacy.keys() == new.keys()
    for name, row in legacy.items():
        assert {header: row[header] for header in pairs} == {
            header: new[name][column] for header, column in pairs.items()
        }
        tags = {f"user_{key}": row[f"resourceTags/user:{key}"] for key in ("env", "team", "app")}
        said = json.loads(new[name]["resource_tags"])
        assert {key: said.get(key, "") for key in tags} == tags
        assert json.loads(new[name]["product"])["product_name"] == row["product/ProductName"]
        assert bool(json.loads(new[name]["discount"])) == bool(edp and discounted(row))


def discounted(row: Row) -> bool:
    return Decimal(row["lineItem/NetUnblendedCost"] or 0) != Decimal(row["lineItem/UnblendedCost"])


@pytest.mark.parametrize("container", list(Container))
def test_billed_cost_per_account_period_and_invoice_is_the_unblended_cost(
    tmp_path: Path, container: Container
) -> None:
    if container is Container.PARQUET:
        frame = pl.read_parquet(
            written(tmp_path, format=BillFormat.FOCUS, container=container, single=True).files[0]
        )
        found = {
            f"{account}/{period:%Y-%m-%d}/{invoice}": total
            for account, period, invoice, total in frame.group_by(
                "SubAccountId", "BillingPeriodStart", "InvoiceId"
            )
            .agg(pl.col("BilledCost").sum())
            .iter_rows()
        }
    else:
        focus = rows(written(tmp_path, format=BillFormat.FOCUS, container=container, single=True).files)
        found = sums(
            focus,
            lambda row: f"{row['SubAccountId']}/{row['BillingPeriodStart'][:10]}/{row['InvoiceId']}",
            "BilledCost",
        )
    legacy = rows(written(tmp_path / "cur", single=True).files)
    assert found == sums(
        legacy,
        lambda row: "/".join(
            (row["lineItem/UsageAccountId"], row["bill/BillingPeriodStartDate"][:10], row["bill/InvoiceId"])
        ),
        "lineItem/UnblendedCost",
    )


def test_focus_says_what_the_specification_says_of_commitments(tmp_path: Path) -> None:
    found = rows(written(tmp_path, format=BillFormat.FOCUS, single=True).files)
    committed = [row for row in found if row["CommitmentDiscountId"]]
    bought = [row for row in committed if row["ChargeCategory"] == "Purchase"]
    used = [row for row in committed if row["ChargeCategory"] == "Usage"]

    assert {row["CommitmentDiscountStatus"] for row in used} == {"Used", "Unused"}
    assert all(Decimal(row["BilledCost"]) == 0 for row in used)
    assert all(Decimal(row["EffectiveCost"]) == 0 for row in bought)
    assert all(row["ConsumedQuantity"] == "" for row in used if row["CommitmentDiscountStatus"] == "Unused")
    assert not any(row["ChargeFrequency"] == "Usage-Based" for row in bought)
    for row in found:
        if row["ListUnitPrice"]:
            assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(
                row["ListCost"]
            ), row
            contracted = Decimal(row["ContractedUnitPrice"]) * Decimal(row["PricingQuantity"])
            assert contracted == Decimal(row["ContractedCost"]), row

"""One truth, said in three formats: the real reader must find the same money in all of them.

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
from infra.demo.spec import BillFormat, Container, Granularity
from services.cost_center.domain.naming import athena_name
from tests.fakes.demo_bills import FORMATS, Row, rows, sums, written
from tests.fakes.demo_charges import COSTS, SHARED, by, charges


def test_the_generator_knows_nothing_of_how_a_bill_is_read() -> None:
    sources = [path.read_text() for path in Path(demo.__file__).parent.rglob("*.py")]

    assert len(sources) > 20
    assert not any(re.search(r"^\s*(from|import) services", source, re.MULTILINE) for source in sources)


Bills = dict[BillFormat, tuple[Written, pl.DataFrame]]


@pytest.fixture(
    scope="module",
    params=[
        (1, Container.GZ, Granularity.DAILY),
        (20_260_731, Container.PARQUET, Granularity.DAILY),
        (3, Container.GZ, Granularity.HOURLY),
    ],
    ids=lambda given: f"seed {given[0]}, {given[1]}, {given[2]}",
)
def bills(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bills:
    """One truth in every format; of a second seed in the container where maps are maps."""
    seed, container, granularity = request.param
    folder = tmp_path_factory.mktemp("truth")
    found = {}
    for fmt in FORMATS:
        bill = written(
            folder / fmt,
            format=fmt,
            single=True,
            rows=8_000 if granularity is Granularity.DAILY else 40_000,
            months=1,
            seed=seed,
            container=container,
            granularity=granularity,
        )
        found[fmt] = bill, charges(bill, folder / f"{fmt}-work")
    return found


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("dimension", SHARED)
def test_all_formats_give_the_same_charges(bills: Bills, dimension: str, cost: str) -> None:
    cur, cur2, focus = (by(frame, dimension, cost) for _, frame in bills.values())

    assert cur == cur2 == focus
    assert cur


@pytest.mark.parametrize("dimension", ["BillingAccountName", "SubAccountName"])
def test_names_of_accounts_are_the_same_where_they_are_told(bills: Bills, dimension: str) -> None:
    cur2, focus = (by(bills[fmt][1], dimension, "EffectiveCost") for fmt in FORMATS[1:])

    assert cur2 == focus
    assert None not in cur2


def test_a_commitment_is_used_and_lost_for_what_it_costs_in_the_month(bills: Bills) -> None:
    """The hours of a month, of each commitment: what was used and what was lost is what was paid for them."""
    raw = pl.concat(
        [
            pl.read_parquet(bills[BillFormat.CUR][0].files[0])
            if bills[BillFormat.CUR][0].files[0].suffix == ".parquet"
            else pl.read_csv(bills[BillFormat.CUR][0].files[0], infer_schema=False)
        ]
    )
    raw = raw.rename({name: athena_name(name) for name in raw.columns})
    paid: dict[object, Decimal] = {}
    for row in raw.iter_rows(named=True):
        fee = {
            "SavingsPlanRecurringFee": (
                "savings_plan_savings_plan_a_r_n",
                "savings_plan_total_commitment_to_date",
            ),
            "RIFee": (
                "reservation_reservation_a_r_n",
                "line_item_unblended_cost",
                "reservation_amortized_upfront_fee_for_billing_period",
            ),
        }.get(row["line_item_line_item_type"])
        for name in fee[1:] if fee else ():
            paid[row[fee[0]]] = paid.get(row[fee[0]], Decimal(0)) + Decimal(row[name] or 0)

    for _, frame in bills.values():
        used = frame.filter(pl.col("ChargeCategory") == "Usage", pl.col("CommitmentDiscountId").is_not_null())
        assert by(used, "CommitmentDiscountId", "EffectiveCost") == paid
    assert len(paid) > 3


def test_the_mapping_bills_once_and_loses_no_row(bills: Bills) -> None:
    for fmt in FORMATS[:2]:
        _, frame = bills[fmt]
        parts = frame.filter(pl.col("x_ChargePart").is_not_null())
        own = frame.filter(pl.col("x_ChargePart").is_null())
        assert own["x_LineItemId"].n_unique() == own.height
        assert set(parts["x_LineItemId"]) < set(own["x_LineItemId"])
        assert parts.height > 0
        assert parts["BilledCost"].sum() == 0
        assert (
            own.filter(pl.col("ChargeCategory") == "Purchase", pl.col("CommitmentDiscountId").is_not_null())[
                "EffectiveCost"
            ].sum()
            == 0
        )


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("tag", ["env", "team", "app", "Name", "Environment"])
def test_tags_are_the_same(bills: Bills, tag: str, cost: str) -> None:
    def tagged(frame: pl.DataFrame) -> dict[object, Decimal]:
        found: dict[object, Decimal] = {}
        for tags, amount in frame.select("Tags", cost).iter_rows():
            value = dict(tags or {}).get(tag.lower())
            found[value] = found.get(value, Decimal(0)) + amount
        return {value: total for value, total in found.items() if total}

    cur, cur2, focus = (tagged(frame) for _, frame in bills.values())
    assert cur == cur2 == focus
    assert len(cur) > 1


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_charges_are_what_the_key_says(bills: Bills, fmt: BillFormat) -> None:
    bill, frame = bills[fmt]
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
    for fmt in FORMATS:
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
        for cost in ("BilledCost", "ListCost"):
            cur, cur2, focus = (by(frame, dimension, cost) for frame in frames)
            assert cur == cur2 == focus
        # No column of a report says what of a discounted fee was lost: it is the discount's share, and the
        # generator rounds it to 10 decimals.
        effective = [by(frame, dimension, "EffectiveCost") for frame in frames]
        assert effective[0] == effective[1]
        for key, total in effective[2].items():
            assert abs(effective[0][key] - total) < Decimal("1e-6")


@settings(max_examples=10, deadline=None)
@given(
    fmt=st.sampled_from(FORMATS),
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
    frame = frame.with_columns(key=pl.concat_str("x_BillingPeriod", pl.lit("/"), "SubAccountId"))
    for cost, metric in (("BilledCost", "billed"), ("EffectiveCost", "effective")):
        known = {key: total for key, each in said.items() if (total := Decimal(each[metric]))}
        found = by(frame, "key", cost)
        if cost == "BilledCost" or not edp:
            assert found == known
        # What was lost of a discounted fee is told by no column: it is rounded to 18 decimals, there to 10.
        assert found.keys() == known.keys()
        assert all(abs(found[key] - known[key]) < Decimal("1e-6") for key in known)
    # A commitment's purchase is in what it is used and lost for, and nowhere else (EffectiveCost-C-005-C).
    committed = frame.filter(pl.col("CommitmentDiscountId").is_not_null())
    assert committed.filter(pl.col("ChargeCategory") == "Purchase")["EffectiveCost"].sum() == 0
    assert committed.filter(pl.col("ChargeCategory") == "Usage")["BilledCost"].sum() == 0


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
    upfront, monthly = (
        [row for row in bought if row["CommitmentDiscountUnit"] == "USD" and row["ChargeFrequency"] == often]
        for often in ("One-Time", "Recurring")
    )
    for row in upfront:
        # What it buys is the commitment of the term, of which a day's is in each recurring line.
        (day, *_) = [each for each in monthly if each["CommitmentDiscountId"] == row["CommitmentDiscountId"]]
        assert Decimal(row["CommitmentDiscountQuantity"]) == 365 * Decimal(day["CommitmentDiscountQuantity"])
        assert Decimal(row["CommitmentDiscountQuantity"]) > Decimal(row["BilledCost"])
    assert upfront
    for row in found:
        if row["ListUnitPrice"]:
            assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(
                row["ListCost"]
            ), row
            contracted = Decimal(row["ContractedUnitPrice"]) * Decimal(row["PricingQuantity"])
            assert contracted == Decimal(row["ContractedCost"]), row

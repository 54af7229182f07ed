"""CUR 2.0: its maps, as JSON text and as they are in parquet, and the same charges as the legacy report's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.providers.aws_cur2 import PROVIDER
from services.cost_center.domain.tables import ColumnType
from tests.fakes.cost_center_bills import CUR_ROW, csv_text, cur_rows, write
from tests.fakes.cost_center_reading import prepare, raw_frame, refusal

PRODUCT = {"product_name": "Amazon Elastic Compute Cloud", "region": "eu-west-1", "vcpu": "2"}
TAGS = {"user_name": "web-1", "user_cost_center": " 42 ", "aws_created_by": "me", "user_empty": ""}
MAPS: dict[str, dict[str, Any]] = {
    "product": PRODUCT,
    "resource_tags": TAGS,
    "cost_category": {"team": "core"},
    "discount": {"edp_discount": -0.5},
}
NAMES = {"bill_payer_account_name": "Payer", "line_item_usage_account_name": "Shop"}
PLAIN = {
    athena_name(name): text
    for name, text in CUR_ROW.items()
    if not name.startswith("resourceTags/") and name not in ("product/ProductName", "product/regionCode")
}


def row(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, **NAMES, **MAPS, **changes}


def as_csv(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    texts = [
        {name: json.dumps(each) if isinstance(each, dict) else each for name, each in cells.items()}
        for cells in rows
    ]
    return write(folder, "bill.csv.gz", csv_text(texts))


def as_parquet(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    columns = {}
    for name in rows[0]:
        held = [cells[name] for cells in rows]
        if name in MAPS or name == "tags":
            value = pa.float64() if name == "discount" else pa.string()
            entries = [None if each is None else list(each.items()) for each in held]
            columns[name] = pa.array(entries, pa.map_(pa.string(), value))
        else:
            columns[name] = pa.array(held, pa.string())
    path = folder / "bill.snappy.parquet"
    pq.write_table(pa.table(columns), path)
    return path


WRITERS = [pytest.param(as_csv, id="csv.gz"), pytest.param(as_parquet, id="parquet")]


@pytest.mark.parametrize("writer", WRITERS)
def test_maps_are_maps_in_the_raw_table(tmp_path: Path, writer: Any) -> None:
    prepared = prepare(tmp_path, writer(tmp_path, [row(), row(resource_tags={}, discount=None)]))

    frame = raw_frame(prepared)
    assert prepared.bills[0].raw.table == "cur2"
    assert {name: frame.schema[name] for name in MAPS} == dict.fromkeys(MAPS, pl.Map(pl.String, pl.String))
    assert frame["product"].to_list() == [PRODUCT, PRODUCT]
    assert frame["resource_tags"].to_list() == [TAGS, {}]
    assert frame["discount"].to_list() == [{"edp_discount": "-0.5"}, None]
    types = {column.name: column.type for column in prepared.bills[0].raw.columns}
    assert {types[name] for name in MAPS} == {ColumnType.MAP}


@pytest.mark.parametrize("writer", WRITERS)
def test_charges_read_columns_of_their_own_and_keys_of_maps(tmp_path: Path, writer: Any) -> None:
    prepared = prepare(tmp_path, writer(tmp_path, [row(), row(resource_tags={}, product={})]))

    first, second = pl.read_parquet(prepared.bills[0].charges.paths[0]).iter_rows(named=True)
    assert first["Tags"] == {"name": "web-1", "cost_center": "42", "aws:created_by": "me"}
    assert first["x_OriginalTags"] == TAGS
    assert first["x_CostCategories"] == {"team": "core"}
    assert (first["BillingAccountName"], first["SubAccountName"]) == ("Payer", "Shop")
    assert (first["RegionId"], first["ServiceName"]) == ("eu-west-1", "Amazon Elastic Compute Cloud")
    assert first["ResourceName"] == "web-1"
    assert (second["Tags"], second["x_OriginalTags"], second["RegionId"]) == (None, None, None)
    assert second["ServiceName"] == "AmazonEC2"


@pytest.mark.parametrize("writer", WRITERS)
def test_the_legacy_reports_charges_are_the_same(tmp_path: Path, writer: Any) -> None:
    (tmp_path / "legacy").mkdir()
    legacy = prepare(tmp_path / "legacy", write(tmp_path, "a.csv", csv_text(cur_rows(1))))
    same = row(
        line_item_unblended_cost="0.192",
        identity_line_item_id="line-0",
        resource_tags={"user_env": "prod"},
        product={"product_name": "Amazon Elastic Compute Cloud", "region_code": "eu-west-1"},
        cost_category={},
    )

    cur2 = prepare(tmp_path, writer(tmp_path, [same]))

    of_2 = ["BillingAccountName", "SubAccountName", "x_OriginalTags"]
    frames = [pl.read_parquet(each.bills[0].charges.paths[0]).drop(of_2) for each in (legacy, cur2)]
    assert frames[0].equals(frames[1])


def test_a_column_is_believed_before_the_map_and_a_column_of_a_tag_is_a_tag(tmp_path: Path) -> None:
    taken_apart = row(product_region_code="us-east-1", resource_tags_user_team="core")
    del taken_apart["resource_tags"]

    prepared = prepare(tmp_path, as_csv(tmp_path, [taken_apart]))

    frame = pl.read_parquet(prepared.bills[0].charges.paths[0])
    assert frame["RegionId"].to_list() == ["us-east-1"]
    assert frame["Tags"].to_list() == [{"team": "core"}]
    assert frame["x_OriginalTags"].to_list() == [{"user_team": "core"}]


def test_an_export_without_anything_of_2_is_the_legacy_report_under_athenas_names(tmp_path: Path) -> None:
    taken_apart = {**PLAIN, "product_product_name": "EC2", "resource_tags_user_team": "core"}

    prepared = prepare(tmp_path, as_csv(tmp_path, [taken_apart]))

    assert prepared.bills[0].raw.table == "cur"
    frame = pl.read_parquet(prepared.bills[0].charges.paths[0])
    assert frame["Tags"].to_list() == [{"team": "core"}]


ALL_TAGS = {
    "accountTag/Team": "of the account",
    "accountTag/BusinessUnit": "shop",
    "costCategory/Team": "of a rule",
    "iamPrincipal/Team": "of the caller",
    "iamPrincipal/Agent": "bot",
    "resourceTags/user:Team": "of the resource",
    "resourceTags/Name": "web-2",
    "resourceTags/aws:createdBy": "me",
    "userAttribute/CostCenter": "42",
    "userAttribute/Empty": "",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_the_map_of_all_tags_is_in_tags_the_nearest_to_the_resource_first(
    tmp_path: Path, writer: Any
) -> None:
    told = row(tags=ALL_TAGS)
    del told["resource_tags"]

    prepared = prepare(tmp_path, writer(tmp_path, [told]))

    [charge] = pl.read_parquet(prepared.bills[0].charges.paths[0]).iter_rows(named=True)
    assert charge["Tags"] == {
        "team": "of the resource",
        "name": "web-2",
        "aws:created_by": "me",
        "agent": "bot",
        "cost_center": "42",
        "business_unit": "shop",
        "cost_category_team": "of a rule",
    }
    assert charge["x_OriginalTags"] == ALL_TAGS
    assert charge["ResourceName"] == "web-2"
    assert raw_frame(prepared)["tags"].to_list() == [ALL_TAGS]


@pytest.mark.parametrize("writer", WRITERS)
def test_resource_tags_are_believed_before_the_map_of_all(tmp_path: Path, writer: Any) -> None:
    told = [
        row(resource_tags={"user_team": "core"}, tags={"resourceTags/Team": "web", "accountTag/Env": "prod"}),
        row(resource_tags={}, tags={"accountTag/Env": "prod"}),
        row(resource_tags={"user_team": "core"}, tags=None),
    ]

    prepared = prepare(tmp_path, writer(tmp_path, told))

    frame = pl.read_parquet(prepared.bills[0].charges.paths[0])
    assert frame["Tags"].to_list() == [{"team": "core", "env": "prod"}, {"env": "prod"}, {"team": "core"}]
    assert frame["x_OriginalTags"].to_list() == [
        {"user_team": "core", "resourceTags/Team": "web", "accountTag/Env": "prod"},
        {"accountTag/Env": "prod"},
        {"user_team": "core"},
    ]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_bundled_discount_is_its_column_or_a_key_of_the_map(tmp_path: Path, writer: Any) -> None:
    """What was waived is in ContractedCost, and in no other cost after discounts."""
    net = {"line_item_unblended_cost": "10", "line_item_net_unblended_cost": "7"}
    told = [
        row(**net, discount_bundled_discount="-3", discount={}),
        row(**net, discount_bundled_discount="", discount={"bundled_discount": -3.0}),
        row(**net, discount_bundled_discount="-3", discount={"bundled_discount": -3.0}),
        row(**net, discount_bundled_discount="", discount={"edp_discount": -3.0}),
    ]

    prepared = prepare(tmp_path, writer(tmp_path, told))

    frame = pl.read_parquet(prepared.bills[0].charges.paths[0])
    assert frame["ContractedCost"].to_list() == [10, 10, 10, 7]
    assert frame["BilledCost"].to_list() == frame["EffectiveCost"].to_list() == [7, 7, 7, 7]


@pytest.mark.parametrize("cell", ["[1]", "{", '"text"', '{"a": NaN}', '{"a": "\\u0000"}'])
def test_a_map_that_is_none_is_refused_with_its_row_and_column(tmp_path: Path, cell: str) -> None:
    rejection = refusal(tmp_path, csv_text([row_texts(), {**row_texts(), "product": cell}]))

    [finding] = rejection.findings
    assert (finding.row, finding.column, finding.expected) == (2, "product", "a JSON object")


def row_texts() -> dict[str, str]:
    return {name: json.dumps(each) if isinstance(each, dict) else each for name, each in row().items()}


def test_a_nul_in_a_map_is_refused(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, as_parquet(tmp_path, [row(), row(resource_tags={"a": "b\0"})]))

    assert prepared.rejection is not None
    [finding] = prepared.rejection.findings
    assert (finding.row, finding.column) == (2, "resource_tags")


def test_numbers_in_a_map_stay_as_they_were_written(tmp_path: Path) -> None:
    text = {**row_texts(), "discount": '{"edp_discount": -0.10, "total_discount": 1E-7}'}

    frame = raw_frame(prepare(tmp_path, write(tmp_path, "a.csv", csv_text([text]))))

    assert frame["discount"].to_list() == [{"edp_discount": "-0.10", "total_discount": "1E-7"}]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    texts = row_texts()
    del texts["line_item_unblended_cost"]

    assert [each.column for each in refusal(tmp_path, csv_text([texts])).findings] == [
        "line_item_unblended_cost"
    ]


def test_names_are_athenas_whatever_their_case() -> None:
    assert PROVIDER.column_name("product_instanceSKU") == "product_instancesku"
    assert PROVIDER.column_name("line_item_unblended_cost") == "line_item_unblended_cost"
    assert PROVIDER.column_type("split_line_item_public_on_demand_split_cost") is ColumnType.DECIMAL

"""Manifests by themselves: what they say, where their files lie, which manifest a part belongs to."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cost_center.domain.bill import DeliveryKind
from services.cost_center.domain.findings import Rejected
from services.cost_center.domain.gathering import kind_of, manifests_of, names
from services.cost_center.domain.landing import bill_id
from services.cost_center.domain.manifest import places, read_manifest
from services.cost_center.domain.providers._aws.manifests import EXPORT, REPORT
from services.cost_center.domain.providers.registry import manifest_forms
from tests.fakes.cost_center_deliveries import AzureExport, Export

FORMS = manifest_forms()
LAYOUTS = [Export(legacy, create_new) for legacy in (True, False) for create_new in (True, False)]
RUN = "2026-10-04T06:30:00.000Z-0f5ed0c2-b0a1-4c7d-9a3e-6b1f2d4c8a90"


@pytest.mark.parametrize("export", LAYOUTS, ids=str)
def test_a_part_and_its_manifest_find_each_other(export: Export) -> None:
    files = [export.file(number, RUN) for number in (1, 2)]
    form, manifest = read_manifest("m", export.manifest(files, RUN), FORMS)

    assert form is (REPORT if export.legacy else EXPORT)
    assert [each.path for each in manifest.files] == files
    assert manifest.period == "2026-09"
    assert manifest.own_files is export.create_new
    for key in export.manifest_keys(RUN):
        assert kind_of(key, FORMS) is DeliveryKind.MANIFEST
        assert [places(form, key, file) for file in files] == [[export.landing(file)] for file in files]
    for file in files:
        assert kind_of(export.landing(file), FORMS) is DeliveryKind.PART
        assert manifests_of(export.landing(file), FORMS)[0] == export.manifest_keys(RUN)[0]
        assert export.manifest_keys(RUN)[-1] in manifests_of(export.landing(file), FORMS)


def test_parquet_of_a_report_lies_beside_its_manifests() -> None:
    part = "acme/aws/pre/rep/rep/year=2026/month=9/rep-00001.snappy.parquet"
    manifest = "acme/aws/pre/rep/20260901-20261001/rep-Manifest.json"
    assert kind_of(part, FORMS) is DeliveryKind.PART
    assert manifests_of(part, FORMS) == [manifest]
    assert places(REPORT, manifest, part.removeprefix("acme/aws/")) == [part]


def test_the_year_turns() -> None:
    part = "acme/aws/rep/rep/year=2026/month=12/rep-1.parquet"
    assert manifests_of(part, FORMS) == ["acme/aws/rep/20261201-20270101/rep-Manifest.json"]


@pytest.mark.parametrize(
    "key",
    [
        "acme/aws/bill.csv",
        "acme/aws/2026/09/bill.csv.gz",
        "acme/aws/0190-id/acme-cur-2026-09.csv.gz",
        "acme/aws/year=2026/month=9/x.parquet",
    ],
)
def test_what_has_no_layout_is_a_bill_by_itself(key: str) -> None:
    assert kind_of(key, FORMS) is DeliveryKind.FILE


def test_files_uploaded_together_are_parts_whatever_their_names() -> None:
    upload = "0190a000-0000-7000-8000-000000000001"
    assert kind_of(f"acme/aws/{upload}/delivery/x/bill.csv", FORMS) is DeliveryKind.PART
    assert kind_of(f"acme/aws/{upload}/bill.csv", FORMS) is DeliveryKind.FILE


def test_without_the_layout_files_are_placed_by_the_folders_in_common_and_at_last_beside_the_manifest() -> (
    None
):
    flat = "acme/aws/up/x/rep-Manifest.json"
    assert places(REPORT, flat, "pre/x/y/f.csv") == ["acme/aws/up/x/y/f.csv", "acme/aws/up/x/f.csv"]
    assert places(REPORT, flat, "pre/other/f.csv") == ["acme/aws/up/x/f.csv"]
    # The longest run of folders counts most.
    deep = "acme/aws/a/b/a/c/rep-Manifest.json"
    assert places(REPORT, deep, "a/c/f.csv")[0] == "acme/aws/a/b/a/c/f.csv"


def test_no_place_is_outside_of_the_source() -> None:
    for named in ("evil/other/f.csv", "acme/other/f.csv", "acme/aws/f.csv"):
        for key in ("acme/aws/acme/other/rep-Manifest.json", "acme/aws/rep-Manifest.json"):
            assert all(place.startswith("acme/aws/") for place in places(REPORT, key, named))


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "of no known form"),
        ({"reportKeys": "a"}, "no list of files"),
        ({"reportKeys": [1]}, "no list of files"),
        ({"dataFiles": []}, "names no file"),
        ({"reportKeys": ["a/b.csv", "a/b.csv"]}, "twice"),
        ({"reportKeys": ["a/../../other/b.csv"]}, "plain path|names 'a/"),
        ({"dataFiles": ["s3://bucket/../x"]}, "names '../x'"),
        ({"reportKeys": ["a//b"]}, "names 'a//b'"),
        ({"reportKeys": [""]}, "names ''"),
        ({"reportKeys": ["a\nb"]}, "names"),
        ({"reportKeys": [f"{n}" for n in range(10_001)]}, "names 10001 files"),
        ({"reportKeys": ["a"], "billingPeriod": {"start": "soon"}}, "begins at 'soon'"),
        ({"reportKeys": ["a"], "billingPeriod": {"start": "20261301"}}, "month '2026-13'"),
        ({"reportKeys": ["a" * 1025]}, "names 'aaa"),
        (b'{"reportKeys": ["\\ud800"]}', "names"),
    ],
    ids=str,
)
def test_a_manifest_that_cannot_be_right_is_refused(document: Any, why: str) -> None:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(Rejected, match=why):
        read_manifest("m.json", text, FORMS)


def test_what_a_manifest_says_of_its_time_and_columns() -> None:
    told = {
        "executionId": RUN,
        "dataFiles": ["s3://b/e/data/BILLING_PERIOD=2026-09/e-1.csv"],
        "columns": [{"name": "BilledCost", "type": "x"}],
    }
    _, manifest = read_manifest("m", json.dumps(told).encode(), FORMS)
    assert manifest.created is not None
    assert manifest.created.isoformat() == "2026-10-04T06:30:00+00:00"
    assert (manifest.period, manifest.columns) == ("2026-09", ("BilledCost",))
    report = {"reportKeys": ["/rep/x.csv"], "columns": [{"category": "lineItem", "name": "UnblendedCost"}]}
    _, manifest = read_manifest("m", json.dumps(report).encode(), FORMS)
    assert manifest.created is None
    assert manifest.columns == ("lineItem/UnblendedCost",)
    assert manifest.files[0].path == "rep/x.csv", "some tools write a slash before the key"


def test_files_are_told_apart_by_their_paths_where_their_names_are_the_same() -> None:
    assert names(["a/x.csv", "b/y.csv"]) == ["x.csv", "y.csv"]
    assert names(["a/x.csv", "b/x.csv"]) == ["a/x.csv", "b/x.csv"]


TEXTS = st.sampled_from(
    [
        *("reportKeys", "dataFiles", "billingPeriod", "start", "columns", "category", "name", "executionId"),
        *("blobs", "blobName", "byteCount", "runInfo", "startDate", "exportConfig", "type", "timeFrame"),
    ]
) | st.text(max_size=8)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=6),
    max_leaves=20,
)
NAMED = st.fixed_dictionaries(
    {},
    optional={
        "reportKeys": st.lists(TEXTS, max_size=3) | DOCUMENTS,
        "dataFiles": st.lists(st.text(max_size=9).map("s3://b/".__add__), max_size=3) | DOCUMENTS,
        "billingPeriod": st.fixed_dictionaries({"start": TEXTS | st.dates().map(str) | DOCUMENTS})
        | DOCUMENTS,
        "columns": st.lists(st.dictionaries(TEXTS, DOCUMENTS, max_size=3), max_size=3) | DOCUMENTS,
        "blobs": st.lists(
            st.fixed_dictionaries({"blobName": st.text(max_size=9)}, optional={"dataRowCount": DOCUMENTS}),
            max_size=3,
        )
        | DOCUMENTS,
        "runInfo": st.fixed_dictionaries({"startDate": st.datetimes().map(str) | DOCUMENTS}) | DOCUMENTS,
        "deliveryConfig": DOCUMENTS,
        "executionId": st.datetimes().map(lambda at: f"{at.isoformat()}Z-x") | DOCUMENTS,
    },
)


@settings(max_examples=300, deadline=None)
@given(document=NAMED | DOCUMENTS)
def test_whatever_a_manifest_holds_it_is_refused_or_stays_in_its_source(document: Any) -> None:
    try:
        form, manifest = read_manifest("m", json.dumps(document).encode(), FORMS)
    except Rejected:
        return
    keys = [
        "acme/aws/rep-Manifest.json",
        *Export().manifest_keys("r"),
        *Export(legacy=False).manifest_keys("r"),
        *AzureExport(base="acme/aws/").manifest_keys("r"),
    ]
    for key in keys:
        for each in manifest.files:
            for place in places(form, key, each.path):
                assert place.startswith("acme/aws/")
                assert not {"", ".", ".."} & set(place.split("/"))
    assert manifest.period is None or bill_id("aws", manifest.period)

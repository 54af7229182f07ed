import csv
import gzip
import io
from pathlib import Path

import pytest

from infra.demo import demonstration
from tests.fakes.landing_zone import LandingZone


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return demonstration.write(tmp_path_factory.mktemp("key")).answers


def serve(onyx, monkeypatch, answers, *, status="ingested", wrong=""):
    """A platform that counts what the key says, but for one place."""
    billed = answers["totals"]["by_period"]["2026-09"]["billed"]
    counted = {"currency": "USD", "raw_total": billed, "curated_total": "2" if wrong == "total" else billed}
    monkeypatch.setattr("tests.fakes.landing_zone.TOTAL", counted)
    zone = LandingZone(onyx.platform, status=status)
    onyx.platform.answers["create_tenant"] = lambda _: {"ok": True, "tenant": {}}
    totals = answers["totals"]
    services = [
        {
            "BillingPeriodStart": f"{period}-01",
            "BillingCurrency": "USD",
            "x_ServiceCode": service,
            "EffectiveCost": "1" if service == wrong else said["effective"],
        }
        for (period, service), said in (
            (name.split("/"), said) for name, said in totals["by_period_and_service"].items()
        )
    ]
    onyx.platform.on("GET", "/v1/cost-center/costs", {"rows": services})
    return zone


@pytest.fixture
def one_month(monkeypatch, answers):
    """The landing zone makes one bill of a file: so the demonstration has one month, too."""
    only = {"2026-09": answers["totals"]["by_period"]["2026-09"]}
    told = {**answers, "totals": {**answers["totals"], "by_period": only}}
    real = demonstration.write

    def write(folder: Path):
        done = real(folder)
        done.answers = told
        return done

    monkeypatch.setattr(demonstration, "write", write)
    return told


@pytest.mark.parametrize("status", ["ingested", "unchanged"])
@pytest.mark.parametrize("exists", [False, True])
def test_the_demo_shows_what_onyx_counts_beside_the_key(onyx, monkeypatch, one_month, status, exists):
    zone = serve(onyx, monkeypatch, one_month, status=status)
    if exists:
        refusal = {"ok": False, "problem": {"code": "TENANT_EXISTS", "detail": "exists"}}
        onyx.platform.answers["create_tenant"] = lambda _: refusal

    outcome = onyx("demo", "--port", "8461")

    assert outcome.code == 0, outcome.err
    assert zone.sources == ["demo-cur"]
    total = one_month["totals"]["by_period"]["2026-09"]["billed"]
    lines = outcome.out.splitlines()
    (said,) = [line for line in lines if line.startswith("2026-09 ")]
    assert said.split() == ["2026-09", total, total, "true"]
    assert "false" not in outcome.out
    for part in (status, "http://onyx.test/v1/docs", "onyx down --port 8461", "onyx token --tenant demo"):
        assert part in outcome.out
    assert f"Planted in it: {len(one_month['anomalies'])} anomalies" in outcome.out


@pytest.mark.parametrize("wrong", ["AmazonEC2", "awskms", "total"])
def test_a_count_that_is_not_the_keys_is_a_failure(onyx, monkeypatch, one_month, wrong):
    serve(onyx, monkeypatch, one_month, wrong=wrong)

    outcome = onyx("demo")

    assert outcome.code == 1
    assert "Onyx counts something else than the bill holds" in outcome.err


def test_the_demo_bill_is_small_several_months_long_and_always_the_same(onyx, monkeypatch, one_month):
    zone = serve(onyx, monkeypatch, one_month)

    onyx("demo")
    onyx("demo")

    first, second = zone.files.values()
    assert first == second
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(first).decode())))
    assert 10_000 < len(rows) < 14_000
    assert len({row["bill/BillingPeriodStartDate"] for row in rows}) == 3


def test_a_demo_bill_that_is_rejected_is_a_failure(onyx):
    LandingZone(onyx.platform, status="rejected")
    onyx.platform.answers["create_tenant"] = lambda _: {"ok": True, "tenant": {}}
    outcome = onyx("demo")
    assert outcome.code == 1
    assert "not a number" in outcome.err


def test_another_refusal_of_the_tenant_is_a_failure(onyx):
    refusal = {"ok": False, "problem": {"code": "INTERNAL", "detail": "broken"}}
    onyx.platform.answers["create_tenant"] = lambda _: refusal
    assert onyx("demo").err == "onyx: broken (INTERNAL)\n"

"""One suite for the troubles port: the rows in DynamoDB and their fake behave alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from services.cost_center.adapters.trouble_rows import TroubleRows
from services.cost_center.domain.trouble import Trouble, Troubles
from shared import aws
from shared.errors import Conflict
from shared.table import PageKeys, TenantTable
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, NOW
from tests.fakes.cost_center_troubles import FakeTroubles
from tests.fakes.tables import create_table

GLOBEX = TenantId("globex")


@pytest.fixture(params=["fake", "dynamodb"])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubles]:
    if request.param == "fake":
        yield FakeTroubles()
        return
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        aws.clear_clients()
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "bill")
        yield TroubleRows(TenantTable("bill", client, PageKeys(b"a secret of this test only, long")))
    aws.clear_clients()


def trouble(number: int = 1) -> Trouble:
    return Trouble(
        delivery_id=f"d{number}",
        key=f"acme/aws/übung {number}.csv",
        source="aws",
        filename=f"übung {number}.csv",
        message_id="m1",
        attempts=7,
        receive=2,
        receives=5,
        since=NOW,
        code="OBJECT_GONE",
        reason="it is gone",
        alive_until=NOW + timedelta(seconds=60),
        ended=NOW + timedelta(seconds=1),
    )


def test_what_is_saved_is_read_back_exactly(rows: Troubles) -> None:
    saved = rows.save_trouble(ACME, trouble())
    assert saved == replace(trouble(), version=1) == rows.trouble(ACME, "d1")
    under_way = rows.save_trouble(ACME, replace(saved, ended=None))
    assert under_way == replace(trouble(), ended=None, version=2) == rows.trouble(ACME, "d1")
    assert rows.trouble(GLOBEX, "d1") is None
    assert rows.trouble(ACME, "d2") is None


def test_what_changed_meanwhile_is_a_conflict(rows: Troubles) -> None:
    first = rows.save_trouble(ACME, trouble())
    rows.save_trouble(ACME, first)
    for stale in (first, trouble()):
        with pytest.raises(Conflict):
            rows.save_trouble(ACME, stale)


def test_open_troubles_are_listed_page_by_page_for_one_tenant(rows: Troubles) -> None:
    for number in (1, 2, 3):
        rows.save_trouble(ACME, trouble(number))
    second = rows.trouble(ACME, "d2")
    assert second is not None
    rows.save_trouble(ACME, replace(second, resolved=NOW))

    first = rows.troubles(ACME, limit=2, cursor=None)
    rest = rows.troubles(ACME, limit=2, cursor=first.cursor)

    assert [each.delivery_id for each in first.troubles] == ["d1"]
    assert [each.delivery_id for each in rest.troubles] == ["d3"]
    assert rest.cursor is None
    assert rows.troubles(GLOBEX, limit=2, cursor=None).troubles == []

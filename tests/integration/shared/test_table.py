"""One suite over the fake table and over DynamoDB (moto): what holds of one holds of the other."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import BadRequest, ConfigurationError, Conflict, VersionConflict
from shared.page_keys import PageKeys
from shared.table import TenantTable
from shared.tenancy import TenantId
from tests.fakes.tables import FakeTenantTable, create_table

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
KEYS = PageKeys(b"0123456789abcdef0123456789abcdef")

Table = TenantTable | FakeTenantTable


@pytest.fixture(params=["fake", "dynamodb"])
def table(request: pytest.FixtureRequest) -> Table:
    return _make(request, "bills")


def _make(request: pytest.FixtureRequest, name: str) -> Table:
    if request.param == "fake":
        return FakeTenantTable(name, KEYS)
    client = request.getfixturevalue("dynamodb")
    create_table(client, name)
    return TenantTable(name, client, KEYS)


def test_a_row_is_read_as_it_was_written_without_its_keys(table: Table) -> None:
    item = {"s": "x", "n": 5, "d": Decimal("1.5"), "b": True, "z": None, "l": [1, {"m": "y"}], "e": ""}
    assert table.put_new(ACME, "BILL#1", item) == 1
    assert table.get(ACME, "BILL#1") == {**item, "version": 1}
    assert table.get(ACME, "BILL#2") is None


def test_the_newest_row_stays_whatever_the_order(table: Table) -> None:
    first, last = ({"at": f"2026-11-20T12:00:00.00000{n}Z", "n": n} for n in (1, 2))
    assert table.put_newer(ACME, "DATASET#1", first, by="at")
    assert table.put_newer(ACME, "DATASET#1", last, by="at")
    assert not table.put_newer(ACME, "DATASET#1", first, by="at")
    assert not table.put_newer(ACME, "DATASET#1", last, by="at")
    assert table.get(ACME, "DATASET#1") == last
    assert table.put_newer(GLOBEX, "DATASET#1", first, by="at")
    assert table.get(ACME, "DATASET#1") == last
    with pytest.raises(ValueError, match="keys"):
        table.put_newer(ACME, "DATASET#1", {**last, "pk": "TENANT#globex"}, by="at")


def test_tenants_and_partitions_do_not_see_each_other(table: Table) -> None:
    table.put_new(ACME, "BILL#1", {"of": "acme"})
    table.put_new(ACME, "BILL#1", {"of": "acme's part"}, partition="2026-09")
    assert table.get(GLOBEX, "BILL#1") is None
    assert table.query(GLOBEX).items == []
    assert [each["of"] for each in table.query(ACME).items] == ["acme"]
    assert [each["of"] for each in table.query_all(ACME, partition="2026-09")] == ["acme's part"]
    table.delete(GLOBEX, "BILL#1")
    assert table.get(ACME, "BILL#1") is not None


@pytest.mark.parametrize("tenant", ["acme#OUTBOX", "", "Acme", "unknown", "a"])
def test_what_is_no_tenant_reaches_no_row(table: Table, tenant: str) -> None:
    operations: list[Callable[[TenantId], Any]] = [
        lambda who: table.get(who, "k"),
        lambda who: table.put_new(who, "k", {}),
        lambda who: table.put(who, "k", {}, expected_version=1),
        lambda who: table.put_newer(who, "k", {"at": ""}, by="at"),
        lambda who: table.update(who, "k", {}),
        lambda who: table.delete(who, "k"),
        lambda who: table.query(who),
        lambda who: list(table.query_all(who)),
    ]
    for operation in operations:
        with pytest.raises(BadRequest):
            operation(TenantId(tenant))


def test_put_new_creates_only(table: Table) -> None:
    table.put_new(ACME, "k", {"a": 1})
    with pytest.raises(Conflict) as caught:
        table.put_new(ACME, "k", {"a": 2})
    assert caught.value.code == "CONFLICT"
    assert table.get(ACME, "k") == {"a": 1, "version": 1}


def test_put_replaces_the_version_that_was_read_and_no_other(table: Table) -> None:
    assert table.put(ACME, "k", {"a": 1}, expected_version=None) == 1
    assert table.put(ACME, "k", {"b": 2}, expected_version=1) == 2
    assert table.get(ACME, "k") == {"b": 2, "version": 2}
    for stale in (None, 1, 3):
        with pytest.raises(VersionConflict):
            table.put(ACME, "k", {"c": 3}, expected_version=stale)
    with pytest.raises(VersionConflict):
        table.put(ACME, "other", {"c": 3}, expected_version=1)
    assert table.get(ACME, "k") == {"b": 2, "version": 2}


def test_a_row_that_was_read_can_be_written_back(table: Table) -> None:
    table.put_new(ACME, "k", {"a": 1})
    row = table.get(ACME, "k")
    assert row is not None
    table.put(ACME, "k", {**row, "a": 2}, expected_version=row["version"])
    assert table.get(ACME, "k") == {"a": 2, "version": 2}


def test_update_changes_some_attributes_of_an_existing_row(table: Table) -> None:
    table.put_new(ACME, "k", {"status": "open", "name": "x", "ttl": 5})
    table.update(ACME, "k", {"status": "closed", "size": 3}, remove=["ttl", "nothing"])
    assert table.get(ACME, "k") == {"status": "closed", "name": "x", "size": 3, "version": 2}
    table.update(ACME, "k", {"name": "y"}, expected_version=2)
    with pytest.raises(VersionConflict):
        table.update(ACME, "k", {"name": "z"}, expected_version=2)
    with pytest.raises(VersionConflict):
        table.update(ACME, "gone", {"name": "z"})
    assert table.get(ACME, "gone") is None


def test_delete_of_a_version_or_of_whatever_is_there(table: Table) -> None:
    table.put_new(ACME, "k", {})
    with pytest.raises(VersionConflict):
        table.delete(ACME, "k", expected_version=2)
    table.delete(ACME, "k", expected_version=1)
    assert table.get(ACME, "k") is None
    table.delete(ACME, "k")
    with pytest.raises(VersionConflict):
        table.delete(ACME, "k", expected_version=1)


def test_keys_and_version_are_not_the_callers(table: Table) -> None:
    for name in ("pk", "sk"):
        with pytest.raises(ValueError, match="not the caller's"):
            table.put_new(ACME, "k", {name: "TENANT#globex"})
        with pytest.raises(ValueError, match="not the caller's"):
            table.update(ACME, "k", {name: "TENANT#globex"})
    with pytest.raises(ValueError, match="not the caller's"):
        table.update(ACME, "k", {"version": 9})
    with pytest.raises(TypeError, match="float"):
        table.put_new(ACME, "k", {"cost": 0.5})


def test_a_page_has_its_limit_and_the_last_one_no_cursor(table: Table) -> None:
    for number in range(4):
        table.put_new(ACME, f"BILL#{number}", {"n": number})
    first = table.query(ACME, prefix="BILL#", limit=2)
    assert ([each["n"] for each in first.items], first.cursor is None) == ([0, 1], False)
    second = table.query(ACME, prefix="BILL#", limit=2, cursor=first.cursor)
    assert ([each["n"] for each in second.items], second.cursor) == ([2, 3], None)
    assert [each["n"] for each in table.query(ACME, newest_first=True, limit=2).items] == [3, 2]


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_limits_have_bounds(table: Table, limit: int) -> None:
    with pytest.raises(BadRequest) as caught:
        table.query(ACME, limit=limit)
    assert caught.value.code == "INVALID_LIMIT"


def test_a_cursor_is_good_for_its_own_listing_only(request: pytest.FixtureRequest, table: Table) -> None:
    request.param = "fake" if isinstance(table, FakeTenantTable) else "dynamodb"
    other_table = _make(request, "others")
    for each in (table, other_table):
        for tenant in (ACME, GLOBEX):
            for number in range(3):
                each.put_new(tenant, f"BILL#{number}", {})
                each.put_new(tenant, f"BILL#{number}", {}, partition="p")
    cursor = table.query(ACME, prefix="BILL#", limit=1).cursor
    assert cursor is not None
    assert table.query(ACME, prefix="BILL#", limit=2, cursor=cursor).items
    elsewhere: list[Callable[[], Any]] = [
        lambda: table.query(GLOBEX, prefix="BILL#", cursor=cursor),
        lambda: table.query(ACME, prefix="BILL", cursor=cursor),
        lambda: table.query(ACME, cursor=cursor),
        lambda: table.query(ACME, prefix="BILL#", cursor=cursor, newest_first=True),
        lambda: table.query(ACME, prefix="BILL#", cursor=cursor, partition="p"),
        lambda: other_table.query(ACME, prefix="BILL#", cursor=cursor),
        lambda: table.query(ACME, prefix="BILL#", cursor=cursor + "A"),
        lambda: table.query(ACME, prefix="BILL#", cursor=""),
    ]
    for query in elsewhere:
        with pytest.raises(BadRequest) as caught:
            query()
        assert caught.value.code == "INVALID_CURSOR"


sort_keys = st.sets(st.text("ABab#01", min_size=1, max_size=4), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=sort_keys, limit=st.integers(1, 5), prefix=st.sampled_from(["", "A", "A#"]), newest=st.booleans())
def test_pages_visit_each_row_once_and_in_order(
    table: Table, keys: set[str], limit: int, prefix: str, newest: bool
) -> None:
    partition = uuid4().hex  # each example has rows of its own
    for key in keys:
        table.put_new(ACME, key, {"key": key}, partition=partition)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = table.query(
            ACME, prefix=prefix, limit=limit, cursor=cursor, newest_first=newest, partition=partition
        )
        assert len(page.items) <= limit
        seen += [row["key"] for row in page.items]
        cursor = page.cursor
        if cursor is None:
            break
        assert len(page.items) == limit
    expected = sorted((key for key in keys if key.startswith(prefix)), reverse=newest)
    assert seen == expected
    every = table.query_all(ACME, prefix=prefix, newest_first=newest, partition=partition)
    assert [row["key"] for row in every] == expected


def test_pages_span_the_answers_of_dynamodb(dynamodb: Any) -> None:
    create_table(dynamodb, "big")
    table = TenantTable("big", dynamodb, KEYS)
    for number in range(9):
        table.put_new(ACME, f"k{number}", {"text": "x" * 300_000})  # an answer of DynamoDB ends at 1 MB
    page = table.query(ACME, limit=8)
    assert (len(page.items), page.cursor is None) == (8, False)
    assert len(table.query(ACME, limit=8, cursor=page.cursor).items) == 1
    assert len(list(table.query_all(ACME))) == 9


def test_a_second_page_without_a_key_is_a_configuration_error(dynamodb: Any) -> None:
    create_table(dynamodb, "plain")
    table = TenantTable("plain", dynamodb)
    table.put_new(ACME, "1", {})
    assert table.query(ACME, limit=1).cursor is None
    table.put_new(ACME, "2", {})
    with pytest.raises(ConfigurationError, match="PAGE_TOKEN_SECRET_ARN"):
        table.query(ACME, limit=1)


def test_rows_lie_under_their_tenants_key(dynamodb: Any) -> None:
    create_table(dynamodb, "raw")
    table = TenantTable("raw")  # its client is made when first used
    table.put_new(ACME, "BILL#1", {})
    table.put_new(ACME, "BILL#1", {}, partition="OUTBOX")
    keys = {row["pk"]["S"] for row in dynamodb.scan(TableName="raw")["Items"]}
    assert keys == {"TENANT#acme", "TENANT#acme#OUTBOX"}
    with pytest.raises(ValueError, match="partition"):
        table.get(ACME, "BILL#1", partition="")
    with pytest.raises(ValueError, match="sort key"):
        table.get(ACME, "")

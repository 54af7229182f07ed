"""Row policies in DynamoDB (moto): what binds a query, and what is kept of each change."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from services.query_engine.adapters.policy_table import CHANGE, PolicyTable
from services.query_engine.application.manage_policies import ManagePolicies
from services.query_engine.domain.policies import NOTHING, Binding, SetPolicy, row_policy
from shared.clock import FixedClock
from shared.errors import BadRequest, Conflict, Forbidden, NotFound
from shared.table import TenantTable
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine_lake import POLICIES, Lake

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
POLICY = row_policy("all", ["111"], {"env": ["prod", "test"]}, ["42"])
ADMIN = Principal(ACME, "grace", frozenset({Role.ADMIN}))
OTHERS = Principal(GLOBEX, "eve", frozenset({Role.ADMIN}))
VIEWER = Principal(ACME, "ada", frozenset({Role.VIEWER}))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with mock_aws():
        yield Lake()


@pytest.fixture
def rows(cloud: Lake) -> TenantTable:
    return TenantTable(POLICIES, cloud.dynamodb)


def manage(rows: TenantTable) -> ManagePolicies:
    """With a store of its own, as another server has."""
    return ManagePolicies(PolicyTable(rows), FixedClock(NOW))


def test_nobody_is_bound_before_anything_is_set(rows: TenantTable) -> None:
    assert PolicyTable(rows).binding(ACME, "ada") is None


def test_a_policy_binds_the_next_query_on_every_server(rows: TenantTable) -> None:
    """Servers keep what they know: the tenant's settings tell them when it is no longer so."""
    server, admin = PolicyTable(rows), manage(rows)
    assert server.binding(ACME, "ada") is None
    admin.choose(ADMIN, "bob", POLICY)
    assert server.binding(ACME, "ada") is None
    admin.choose(ADMIN, "ada", POLICY)
    assert server.binding(ACME, "ada") == Binding(POLICY)
    assert server.binding(GLOBEX, "ada") is None
    other = row_policy(sub_accounts=["222"])
    admin.choose(ADMIN, "ada", other)
    assert server.binding(ACME, "ada") == Binding(other)
    admin.configure(ADMIN, deny_unnamed=False, cost_center_tag="CostCentre")
    assert server.binding(ACME, "ada") == Binding(other, "CostCentre")
    admin.choose(ADMIN, "ada", row_policy(everything=True))
    assert server.binding(ACME, "ada") is None
    admin.choose(ADMIN, "ada", other)
    admin.remove(ADMIN, "ada")
    assert server.binding(ACME, "ada") is None


def test_who_has_no_policy_sees_nothing_where_the_tenant_says_so(rows: TenantTable) -> None:
    server, admin = PolicyTable(rows), manage(rows)
    admin.configure(ADMIN, deny_unnamed=True, cost_center_tag="cost_center")
    assert server.binding(ACME, "ada") == Binding(NOTHING)
    assert server.binding(GLOBEX, "ada") is None
    admin.choose(ADMIN, "ada", row_policy(everything=True))
    assert server.binding(ACME, "ada") is None
    assert server.binding(ACME, "grace") == Binding(NOTHING)


def test_what_is_known_costs_one_small_read(rows: TenantTable, monkeypatch: pytest.MonkeyPatch) -> None:
    manage(rows).choose(ADMIN, "ada", POLICY)
    server = PolicyTable(rows)
    asked: list[str] = []
    get = rows.get
    monkeypatch.setattr(rows, "get", lambda tenant, sk: (asked.append(sk), get(tenant, sk))[1])
    for _ in range(3):
        assert server.binding(ACME, "ada") == Binding(POLICY)
    assert asked == ["SETTINGS", "POLICY#ada", "SETTINGS", "SETTINGS"]


def test_each_change_is_kept(rows: TenantTable) -> None:
    admin = manage(rows)
    set_first = admin.choose(ADMIN, "ada", POLICY)
    assert set_first == SetPolicy("ada", POLICY, "grace", NOW, 1)
    assert admin.choose(ADMIN, "ada", POLICY) == set_first
    assert admin.choose(ADMIN, "ada", row_policy(everything=True)).version == 2
    admin.remove(ADMIN, "ada")
    admin.configure(ADMIN, deny_unnamed=True, cost_center_tag="team")
    changes = list(rows.query_all(ACME, prefix=CHANGE))
    assert [each["act"] for each in changes] == ["set", "set", "removed", "configured"]
    assert {each["set_by"] for each in changes} == {"grace"}
    assert changes[0]["tags"] == [{"key": "env", "values": ["prod", "test"]}]
    assert list(rows.query_all(GLOBEX, prefix=CHANGE)) == []


def test_of_two_who_change_the_same_policy_one_is_told(rows: TenantTable) -> None:
    table, at = PolicyTable(rows), NOW + timedelta(seconds=1)
    first = SetPolicy("ada", POLICY, "grace", NOW, 1)
    table.save(ACME, first)
    with pytest.raises(Conflict):
        table.save(ACME, first)
    table.save(ACME, replace(first, version=2, set_at=at))
    with pytest.raises(Conflict):
        table.remove(ACME, first, "grace", at)
    stale = table.settings(ACME)
    table.configure(ACME, replace(stale, deny_unnamed=True), "grace", at)
    with pytest.raises(Conflict):
        table.configure(ACME, stale, "grace", at)


def test_policies_are_listed_by_subject_and_page(rows: TenantTable) -> None:
    admin = manage(rows)
    for subject in ("c", "a", "b"):
        admin.choose(ADMIN, subject, POLICY)
    first, _ = admin.page(ADMIN, 2)
    assert ([each.subject for each in first.policies], first.cursor) == (["a", "b"], "b")
    second, _ = admin.page(ADMIN, 2, first.cursor)
    assert ([each.subject for each in second.policies], second.cursor) == (["c"], None)
    assert admin.page(OTHERS, 2)[0].policies == ()


def test_only_administrators_of_the_tenant_may(rows: TenantTable) -> None:
    admin = manage(rows)
    admin.choose(ADMIN, "ada", POLICY)
    assert admin.own(VIEWER) == Binding(POLICY)
    for act in (
        lambda: admin.page(VIEWER, 10),
        lambda: admin.show(VIEWER, "ada"),
        lambda: admin.choose(VIEWER, "ada", row_policy(everything=True)),
        lambda: admin.remove(VIEWER, "ada"),
        lambda: admin.configure(VIEWER, deny_unnamed=False, cost_center_tag="x"),
    ):
        with pytest.raises(Forbidden):
            act()
    with pytest.raises(NotFound):
        admin.show(OTHERS, "ada")
    with pytest.raises(NotFound):
        admin.remove(OTHERS, "ada")
    for subject in ("", "me", "a/b", "a b", "x" * 129):
        with pytest.raises(BadRequest):
            admin.choose(ADMIN, subject, POLICY)

"""Plans that are kept, over the real catalog and policies: what stood before a query was sent binds it."""

import os
from collections.abc import Iterator
from datetime import timedelta

import polars as pl
import pytest
from moto import mock_aws

from services.query_engine.adapters.current_catalog import CurrentCatalog
from services.query_engine.adapters.policy_table import PolicyTable
from services.query_engine.adapters.published_catalog import PublishedCatalog
from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.manage_policies import ManagePolicies
from services.query_engine.application.plan_query import PlanQuery
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.policies import row_policy
from services.query_engine.domain.tables import Column
from shared.clock import FixedClock
from shared.ids import SequenceIds
from shared.table import TenantTable
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine import NOW, FakeEngine, FakeQueryLog
from tests.fakes.query_engine_lake import BILLS, LAKE, POLICIES, PUBLISHED, Lake

SQL = "SELECT count(*) FROM charges"
FRAME = pl.DataFrame({"SubAccountId": ["1", "2"]})


def of(tenant: str, subject: str = "ada", *roles: Role) -> Principal:
    return Principal(TenantId(tenant), subject, frozenset(roles or {Role.VIEWER}))


class Server:
    """The use case as the server wires it, over an engine that remembers what it was given."""

    def __init__(self, lake: Lake) -> None:
        bills = TenantTable(BILLS, lake.dynamodb)
        policies = PolicyTable(TenantTable(POLICIES, lake.dynamodb))
        self.plan = PlanQuery()
        self.policies = ManagePolicies(policies, FixedClock(NOW))
        self.engine = FakeEngine(Answer((Column("n", "bigint"),), b"[]", 0))
        self.ask = AnswerQuery(
            CurrentCatalog(PublishedCatalog(bills, LAKE), bills),
            self.engine,
            FakeQueryLog(),
            FixedClock(NOW),
            SequenceIds(),
            Limits(10, 1000),
            25,
            plan=self.plan,
            policies=policies,
        )

    def planned(self, caller: Principal, sql: str = SQL) -> tuple[str, list[str]]:
        """The SQL that the engine was given, and the files."""
        self.ask(caller, sql)
        plan = self.engine.plans[-1]
        return plan.sql, sorted(path for each in plan.tables for path in each.table.files)


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with mock_aws():
        yield Lake()


def test_a_set_that_was_published_is_read_at_once_by_every_query(lake: Lake) -> None:
    lake.publish("acme", "aws.2026-08", {"charges": FRAME})
    server = Server(lake)
    before = server.planned(of("acme"))
    assert server.planned(of("acme")) == before
    assert server.engine.plans[0] is server.engine.plans[1]
    lake.publish("acme", "aws.2026-09", {"charges": FRAME})
    assert len(server.planned(of("acme"))[1]) == 2
    item = lake.bills.get(TenantId("acme"), "BILL#aws.2026-08")
    assert item is not None
    item["published"]["tables"]["charges"]["files"] = [f"s3://{LAKE}/acme/curated/restated.parquet"]
    lake.bills.put(TenantId("acme"), "BILL#aws.2026-08", item, expected_version=item.pop("version"))
    found = server.planned(of("acme"))[1]
    assert f"s3://{LAKE}/acme/curated/restated.parquet" in found
    assert not set(before[1]) & set(found)


def test_another_tenants_question_in_the_same_words_reads_its_own_files(lake: Lake) -> None:
    for tenant in ("acme", "globex"):
        lake.publish(tenant, "aws.2026-08", {"charges": FRAME})
    server = Server(lake)
    for tenant in ("acme", "globex", "acme", "globex"):
        assert all(path.startswith(f"s3://{LAKE}/{tenant}/") for path in server.planned(of(tenant))[1])
    assert server.planned(of("initech"))[1] == []


def test_a_policy_binds_the_next_query_and_its_end_frees_it(lake: Lake) -> None:
    lake.publish("acme", "aws.2026-08", {"charges": FRAME})
    server = Server(lake)
    root = of("acme", "root", Role.ADMIN)
    free, _ = server.planned(of("acme"))
    server.policies.choose(root, "ada", row_policy(sub_accounts=["1"]))
    bound, _ = server.planned(of("acme"))
    assert "'1'" in bound
    assert server.planned(of("acme", "eve"))[0] == free
    server.policies.choose(root, "ada", row_policy(sub_accounts=["2"]))
    moved, _ = server.planned(of("acme"))
    assert "'2'" in moved
    assert "'1'" not in moved
    server.policies.remove(root, "ada")
    assert server.planned(of("acme"))[0] == free
    server.policies.configure(root, deny_unnamed=True, cost_center_tag="team")
    assert server.planned(of("acme"))[0] not in (free, bound, moved)


def test_a_moment_of_the_past_is_not_answered_by_what_is_kept(lake: Lake) -> None:
    lake.publish("acme", "aws.2026-08", {"charges": FRAME})
    later = PUBLISHED + timedelta(days=1)
    lake.publish("acme", "aws.2026-09", {"charges": FRAME}, published_at=later)
    server = Server(lake)
    assert len(server.planned(of("acme"))[1]) == 2
    server.ask(of("acme"), SQL, PUBLISHED)
    assert server.engine.plans[-1].files == 1
    at = SQL.replace("charges", "charges FOR TIMESTAMP AS OF TIMESTAMP '2026-10-02 18:00:00'")
    assert [len(server.planned(of("acme"), at)[1]) for _ in range(2)] == [1, 1]
    assert len(server.planned(of("acme"))[1]) == 2
    assert len(server.plan.kept) == 1

"""Promoted tags: chosen per tenant, columns of what is published from then on."""

from typing import Any

import polars as pl
import pytest

from services.cost_center.application.promoted_tags import ManagePromotedTags
from services.cost_center.domain.bill import Status
from services.cost_center.domain.promoted_tags import MOST, promoted, recipe_with
from services.cost_center.handlers import api as api_module
from services.cost_center.handlers import tags_api
from shared.errors import BadRequest, VersionConflict
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, FakeTags, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.http_calls import call, token_claims

GLOBEX = TenantId("globex")
OWNERS = {"resourceTags/user:CostCenter": "42", "resourceTags/aws:createdBy": "me"}


def choose(world: World, *keys: str, tenant: TenantId = ACME) -> None:
    ManagePromotedTags(world.tags).choose(tenant, keys, "ada")


def charges(world: World, tenant: TenantId = ACME) -> pl.DataFrame:
    bill = world.bills.bill(tenant, "aws.2026-09")
    assert bill is not None
    assert bill.published is not None
    table = bill.published.tables["charges"]
    frame = pl.read_parquet(table.files)
    assert [column.name for column in table.columns] == frame.columns
    return frame


def test_keys_are_normal_each_once_and_their_columns_are_named_after_them() -> None:
    tags = promoted(["CostCenter", "user:cost_center", " env ", "aws:createdBy"])

    assert [(tag.key, tag.column.name) for tag in tags] == [
        ("cost_center", "x_Tag_cost_center"),
        ("env", "x_Tag_env"),
        ("aws:created_by", "x_Tag_aws_created_by"),
    ]


@pytest.mark.parametrize(
    "keys", [["  "], ["k" * 129], [f"key-{at}" for at in range(MOST + 1)], ["aws:a", "aws_a"]]
)
def test_keys_that_cannot_be_columns_are_refused(keys: list[str]) -> None:
    with pytest.raises(BadRequest) as refused:
        promoted(keys)

    assert refused.value.code == "INVALID_TAG_KEY"


def test_what_is_published_from_then_on_has_the_columns_of_its_tenant(world: World) -> None:
    choose(world, "CostCenter", "aws:createdBy", "absent")
    for tenant in ("acme", "globex"):
        world.deliver(f"{tenant}/aws/bill.csv", csv_bytes(cur_rows(2, **OWNERS)))

    made = charges(world)
    assert made["x_Tag_cost_center"].to_list() == ["42", "42"]
    assert made["x_Tag_aws_created_by"].to_list() == ["me", "me"]
    assert made["x_Tag_absent"].to_list() == [None, None]
    assert not [name for name in charges(world, GLOBEX).columns if name.startswith("x_Tag_")]


def test_the_same_delivery_again_is_curated_anew_only_when_the_choice_has_changed(world: World) -> None:
    content = csv_bytes(cur_rows(2, **OWNERS))
    world.deliver("acme/aws/one.csv", content)
    assert "x_Tag_env" not in charges(world).columns
    choose(world, "env")

    [changed] = world.deliver("acme/aws/two.csv", content)
    [same] = world.deliver("acme/aws/three.csv", content)

    assert (changed.status, same.status) == (Status.RESTATED, Status.UNCHANGED)
    assert charges(world)["x_Tag_env"].to_list() == ["prod", "prod"]


def test_no_choice_leaves_the_recipe_as_it_was() -> None:
    assert recipe_with("r", ()) == "r"
    assert len({recipe_with("r", promoted(keys)) for keys in ([], ["a"], ["b"], ["a", "b"])}) == 4


def test_a_choice_is_told_once_with_who_made_it() -> None:
    store = FakeTags()
    manage = ManagePromotedTags(store)

    manage.choose(ACME, ["env"], "ada")
    manage.choose(ACME, ["Env"], "bob")
    manage.choose(ACME, [], "cy")

    assert [(event.before, event.keys, event.by) for _, event in store.told] == [
        ([], ["env"], "ada"),
        (["env"], [], "cy"),
    ]
    assert manage.chosen(ACME) == ()


def test_a_lost_race_is_told() -> None:
    store = FakeTags()
    stale = store.settings(ACME)
    ManagePromotedTags(store).choose(ACME, ["env"], "ada")

    with pytest.raises(VersionConflict):
        store.save(ACME, stale, store.told[0][1])


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Any:
    manage = ManagePromotedTags(FakeTags())
    monkeypatch.setattr(tags_api, "tag_services", lambda: manage)
    return api_module.handler


def test_each_tenant_has_its_own_choice_and_only_admins_make_it(api: Any) -> None:
    def ask(method: str, roles: str, tenant: str = "acme", body: Any = None) -> tuple[int, Any]:
        answer = call(api, method, tags_api.PATH, claims=token_claims(tenant, roles), body=body)
        return answer.status, answer.body

    chosen = {"promoted": ["CostCenter"]}
    made = 200, {"promoted": [{"key": "cost_center", "column": "x_Tag_cost_center"}]}

    assert ask("PUT", "analyst", body=chosen)[0] == 403
    assert ask("PUT", "admin", body=chosen) == made
    assert ask("GET", "viewer") == made
    assert ask("GET", "viewer", tenant="globex") == (200, {"promoted": []})
    status, problem = ask("PUT", "admin", body={"promoted": ["aws:a", "aws_a"]})
    assert (status, problem["code"]) == (400, "INVALID_TAG_KEY")

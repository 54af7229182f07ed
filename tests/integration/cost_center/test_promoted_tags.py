"""Promoted tags as they are kept: the same over the fake and over DynamoDB, and through the function."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.cost_center.adapters.tag_settings import TagSettingsStore
from services.cost_center.domain.promoted_tags import PromotedTags, TagSettings, promoted
from services.cost_center.events import TagsPromoted
from services.cost_center.handlers import api, tags_api, tags_wiring
from shared import aws
from shared.clock import SystemClock
from shared.config import load_settings
from shared.errors import Conflict
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId
from tests.fakes.cost_center import FakeTags
from tests.fakes.http_calls import call, token_claims
from tests.fakes.tables import create_table

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
TOLD = TagsPromoted(keys=["env"], before=[], by="ada")


def forget() -> None:
    aws.clear_clients()
    load_settings.cache_clear()
    tags_wiring.tag_services.cache_clear()


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "SETTING_TABLE": "setting",
        "OUTBOX_TABLE": "outbox",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        for table in ("setting", "outbox"):
            create_table(boto3.client("dynamodb"), table, outbox=table == "outbox")
        forget()
        yield
    forget()


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> PromotedTags:
    if request.param == "fake":
        return FakeTags()
    return TagSettingsStore(TenantTable("setting"), Outbox("outbox"), SystemClock(), SequenceIds())


def test_a_choice_is_kept_by_tenant_with_its_version(store: PromotedTags) -> None:
    store.save(ACME, TagSettings(promoted(["env", "CostCenter"])), TOLD)
    store.save(ACME, TagSettings(promoted(["env"]), version=1), TOLD)

    assert store.settings(ACME) == TagSettings(promoted(["env"]), version=2)
    assert store.settings(GLOBEX) == TagSettings()


@pytest.mark.parametrize("version", [None, 7])
def test_a_choice_that_another_made_meanwhile_is_not_lost(store: PromotedTags, version: int | None) -> None:
    store.save(ACME, TagSettings(promoted(["env"])), TOLD)

    with pytest.raises(Conflict):
        store.save(ACME, TagSettings(promoted(["team"]), version=version), TOLD)
    assert store.settings(ACME).promoted == promoted(["env"])


def test_the_function_keeps_the_choice_and_tells_it_in_one_transaction() -> None:
    def ask(method: str, tenant: str, body: Any = None) -> Any:
        claims = token_claims(tenant, "admin", subject="ada")
        return call(api.handler, method, tags_api.PATH, claims=claims, body=body)

    assert ask("PUT", "acme", {"promoted": ["Env"]}).status == 200
    assert ask("PUT", "acme", {"promoted": ["env"]}).status == 200

    assert ask("GET", "acme").body == {"promoted": [{"key": "env", "column": "x_Tag_env"}]}
    assert ask("GET", "globex").body == {"promoted": []}
    rows = boto3.client("dynamodb").scan(TableName="outbox")["Items"]
    [told] = [json.loads(row["envelope"]["S"]) for row in rows]
    assert (told["type"], told["tenantid"]) == ("TagsPromoted.v1", "acme")
    assert told["data"] == {"keys": ["env"], "before": [], "by": "ada"}

import json
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from pydantic import ValidationError

from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.list_tables import ListTables
from services.query_engine.application.read_query import ReadQuery
from services.query_engine.domain.answers import Answer, Limits, Status, kept_sql
from services.query_engine.domain.datasets import Dataset
from services.query_engine.domain.errors import failure
from services.query_engine.domain.tables import Column, require_own_path
from services.query_engine.handlers import views
from services.query_engine.handlers.models import QueryRequest
from shared.clock import FixedClock
from shared.errors import Forbidden, NotFound, OnyxError
from shared.events import findings
from shared.ids import SequenceIds
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine import (
    NOW,
    FakeCatalog,
    FakeDatasets,
    FakeEngine,
    FakeQueryLog,
    demo_tables,
)

ACME = TenantId("acme")
ADA = Principal(ACME, "ada", frozenset({Role.VIEWER}))
EVE = Principal(TenantId("globex"), "eve", frozenset({Role.ADMIN}))
ANSWER = Answer((Column("N", "bigint"),), b'[{"N":1}]', 1)


def use_case(engine: FakeEngine, log: FakeQueryLog) -> AnswerQuery:
    catalog = FakeCatalog({"acme": demo_tables({"charges": ("s3://lake/acme/1", "s3://lake/acme/2")})})
    return AnswerQuery(catalog, engine, log, FixedClock(NOW), SequenceIds(), Limits(10, 1000), 25)


def test_an_answer_is_on_record_with_what_it_was_made_of() -> None:
    engine, log = FakeEngine(ANSWER), FakeQueryLog()
    answered = use_case(engine, log)(ADA, "select n from charges")
    record = ReadQuery(log, FixedClock(NOW))(ADA, answered.record.query_id)
    assert record == answered.record
    assert (record.status, record.rows, record.files, record.tables) == (Status.DONE, 1, 2, ("charges",))
    assert (record.snapshots, record.engine, record.subject) == ((7,), "polars", "ada")
    assert engine.timeouts == [25]
    body = json.loads(views.answer(answered))
    assert body == {
        "query_id": "id-1",
        "columns": [{"name": "N", "type": "bigint"}],
        "rows": [{"N": 1}],
        "row_count": 1,
        "elapsed_ms": 0,
        "engine": "polars",
    }


def test_a_moment_is_handed_to_the_catalog_and_kept_on_record() -> None:
    catalog, log = FakeCatalog({"acme": demo_tables()}), FakeQueryLog()
    ask = replace(use_case(FakeEngine(ANSWER), log), catalog=catalog)
    ask(ADA, "select n from charges")
    moment = NOW - timedelta(days=1)
    record = ask(ADA, "select n from charges", moment).record
    assert catalog.asked == [None, moment]
    assert views.audit(record).as_of == moment
    with pytest.raises(OnyxError) as refused:
        ask(ADA, "select n from charges", NOW + timedelta(seconds=1))
    assert (refused.value.code, refused.value.status) == ("AS_OF_IN_FUTURE", 400)
    assert log.records["acme", "id-3"].status is Status.REFUSED


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T10:00:00", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00+00:00"),
        ("2026-11-01T10:00:00.5Z", "2026-11-01T10:00:00.500000+00:00"),
    ],
)
def test_a_moment_without_a_zone_is_utc(text: str, moment: str) -> None:
    asked = QueryRequest.model_validate({"sql": "select 1", "as_of": text}).as_of
    assert asked is not None
    assert asked.astimezone(UTC).isoformat() == moment


@pytest.mark.parametrize("bad", ["soon", "", 5, "2026-13-01", ["2026-11-01"]])
def test_what_is_no_moment_is_refused(bad: object) -> None:
    with pytest.raises(ValidationError) as caught:
        QueryRequest.model_validate({"sql": "select 1", "as_of": bad})
    [finding] = findings(caught.value)
    assert (finding["field"], finding["message"]) == ("as_of", "it is a date or a time in ISO 8601")


def test_a_refusal_and_a_failure_are_on_record() -> None:
    engine, log = FakeEngine(failure("QUERY_TIMEOUT", "too long")), FakeQueryLog()
    ask = use_case(engine, log)
    with pytest.raises(OnyxError):
        ask(ADA, "select nope from charges")
    with pytest.raises(OnyxError):
        ask(ADA, "select n from charges")
    refused, failed = (log.records["acme", each] for each in ("id-1", "id-2"))
    assert (refused.status, refused.code, refused.sql) == (
        Status.REFUSED,
        "UNKNOWN_COLUMN",
        "select nope from charges",
    )
    assert (failed.status, failed.code) == (Status.FAILED, "QUERY_TIMEOUT")
    assert len(engine.plans) == 1


def test_a_fault_of_ours_is_on_record_too() -> None:
    log = FakeQueryLog()
    with pytest.raises(ZeroDivisionError):
        use_case(FakeEngine(ZeroDivisionError()), log)(ADA, "select n from charges")
    assert log.records["acme", "id-1"].status is Status.FAILED


def test_a_query_is_of_its_tenant_alone() -> None:
    log = FakeQueryLog()
    query_id = use_case(FakeEngine(ANSWER), log)(ADA, "select n from charges").record.query_id
    with pytest.raises(NotFound):
        ReadQuery(log, FixedClock(NOW))(EVE, query_id)
    with pytest.raises(OnyxError) as caught:
        use_case(FakeEngine(ANSWER), log)(replace(EVE), "select n from charges")
    assert caught.value.code == "UNKNOWN_TABLE"


def test_an_id_that_is_longer_than_any_is_not_asked_for() -> None:
    log = FakeQueryLog()
    log.begin(ACME, replace(use_case(FakeEngine(ANSWER), log)(ADA, "select 1").record, query_id="x" * 37))
    with pytest.raises(NotFound):
        ReadQuery(log, FixedClock(NOW))(ADA, "x" * 37)


def test_a_caller_without_any_role_gets_nothing() -> None:
    nobody = Principal(ACME, "nobody", frozenset())
    with pytest.raises(Forbidden):
        use_case(FakeEngine(ANSWER), FakeQueryLog())(nobody, "select 1")
    with pytest.raises(Forbidden):
        ReadQuery(FakeQueryLog(), FixedClock(NOW))(nobody, "id-1")
    with pytest.raises(Forbidden):
        ListTables(FakeCatalog({}), FakeDatasets())(nobody)


def test_tables_are_listed_with_their_bills() -> None:
    datasets = FakeDatasets()
    bill = Dataset("aws.2026-09", "aws", "2026-09", ("charges", "cur"), 5, NOW)
    assert datasets.record(ACME, bill)
    assert not datasets.record(ACME, replace(bill, published_at=NOW - timedelta(days=1)))
    listed = ListTables(FakeCatalog({"acme": demo_tables()}), datasets)(ADA)
    assert [(each.table.name, each.bills) for each in listed] == [("charges", (bill,)), ("small", ())]
    assert views.tables(listed).rows[0].bills[0].bill_id == "aws.2026-09"


def test_the_text_is_kept_up_to_8_kb_in_whole_characters() -> None:
    assert kept_sql("select 1") == "select 1"
    assert kept_sql("é" * 5000) == "é" * 4096
    assert kept_sql("a" + "é" * 5000) == "a" + "é" * 4095


@pytest.mark.parametrize(
    "path",
    [
        "s3://lake/globex/curated/charges/1.parquet",
        "s3://other/acme/1.parquet",
        "s3://lake/acme",
        "s3://lake/acme/",
        "s3://lake/acme-2/1.parquet",
        "s3://lake/acme/../globex/1.parquet",
        "s3://lake/acme/./1.parquet",
        "s3://lake/acme//globex/1.parquet",
        "s3://lake/acme/%2e%2e/globex/1.parquet",
        "s3://lake/acme/*.parquet",
        "s3://lake/acme/[a-z].parquet",
        "S3://lake/acme/1.parquet",
        "/etc/passwd",
        "https://lake/acme/1.parquet",
        " s3://lake/acme/1.parquet",
    ],
)
def test_only_plain_objects_under_the_own_prefix_are_bound(path: str) -> None:
    with pytest.raises(Forbidden):
        require_own_path(path, "lake", ACME)


def test_a_path_of_its_own_is_taken() -> None:
    path = "s3://lake/acme/curated/charges/data/0a/x_Source=aws/0.parquet"
    assert require_own_path(path, "lake", ACME) == path

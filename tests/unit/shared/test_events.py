import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from shared import events
from shared.errors import BadRequest, PayloadTooLarge, PoisonMessage, UnknownEvent
from shared.events import Event, envelope, parse_bridge, registered_events, to_entry
from shared.fields import Money
from shared.tenancy import TenantId
from tests.fakes.messages import bridge_body, bridge_event

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACME = TenantId("acme")


class Total(BaseModel):
    currency: str
    raw: Money


class BillClosed(Event):
    """A bill was closed."""

    type: ClassVar[str] = "BillClosed"
    source: ClassVar[str] = "onyx.test"
    subject_field: ClassVar[str | None] = "bill_id"
    bill_id: str
    totals: tuple[Total, ...] = ()


class BillOpened(Event):
    """A bill was opened."""

    type: ClassVar[str] = "BillOpened"
    source: ClassVar[str] = "onyx.test"
    bill_id: str


@pytest.fixture
def registry() -> Iterator[None]:
    before = dict(events._registry)
    yield
    events._registry.clear()
    events._registry.update(before)


def closed(**changes: Any) -> BillClosed:
    return BillClosed(bill_id="cur.2026-09", totals=(Total(currency="USD", raw=Decimal("1E-7")),)).model_copy(
        update=changes
    )


def wrapped(event: Event | None = None, **changes: Any) -> events.Envelope:
    return envelope(event or closed(), tenant=ACME, id="e-1", time=NOON, correlationid="c-1").model_copy(
        update=changes
    )


def test_envelope_has_the_cloudevents_attributes() -> None:
    env = envelope(
        closed(),
        tenant=ACME,
        id="e-1",
        time=NOON.astimezone(timezone(timedelta(hours=5))),
        traceparent="00-ab-cd-01",
    )
    assert json.loads(env.model_dump_json(exclude_none=True)) == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "onyx.test",
        "type": "BillClosed.v1",
        "subject": "cur.2026-09",
        "time": "2026-11-20T12:00:00.000000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:onyx:event:BillClosed.v1",
        "tenantid": "acme",
        "traceparent": "00-ab-cd-01",
        "data": {"bill_id": "cur.2026-09", "totals": [{"currency": "USD", "raw": "0.0000001"}]},
    }


def test_what_is_sent_is_what_is_received() -> None:
    env, event = parse_bridge(bridge_body(wrapped()), BillClosed)
    assert env == wrapped()
    assert event == closed()
    assert parse_bridge(bridge_event(wrapped()), BillOpened, BillClosed)[1] == closed()
    assert parse_bridge(bridge_body(wrapped()))[1] == closed()  # any registered event


def test_entry_is_what_put_events_takes() -> None:
    entry = to_entry(wrapped(), "bus")
    assert json.loads(entry.pop("Detail"))["id"] == "e-1"
    assert entry == {
        "Source": "onyx.test", "DetailType": "BillClosed.v1", "EventBusName": "bus", "Time": NOON,
    }  # fmt: skip


def test_an_event_over_256_kb_is_refused_and_one_just_below_is_not() -> None:
    to_entry(wrapped(closed(bill_id="x" * 126_000)), "bus")  # the id is in the subject as well
    with pytest.raises(PayloadTooLarge) as caught:
        to_entry(wrapped(closed(bill_id="é" * 66_000)), "bus")  # bytes count, not characters
    assert caught.value.code == "EVENT_TOO_LARGE"


def test_an_envelope_needs_a_tenant_and_an_aware_time() -> None:
    with pytest.raises(BadRequest):
        envelope(closed(), tenant=TenantId("Not A Tenant"), id="e", time=NOON)
    with pytest.raises(ValueError, match="timezone"):
        envelope(closed(), tenant=ACME, id="e", time=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.usefixtures("registry")
def test_a_float_never_leaves_in_an_event() -> None:
    class Ratio(Event):
        type = "Ratio"
        source = "onyx.test"
        parts: list[dict[str, float]]

    with pytest.raises(ValueError, match="float"):
        envelope(Ratio(parts=[{"a": 0.5}]), tenant=ACME, id="e", time=NOON)


def test_a_reader_ignores_fields_it_does_not_know() -> None:
    event = bridge_event(wrapped())
    event["detail"]["data"]["added_later"] = {"x": 1}
    event["detail"]["someextension"] = "y"
    assert parse_bridge(event, BillClosed)[1] == closed()


def changed(path: str, value: Any) -> dict[str, Any]:
    event = bridge_event(wrapped())
    *parents, last = path.split(".")
    place = event
    for each in parents:
        place = place[each]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return event


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("detail", ...),
        ("detail", "text"),
        ("detail-type", "BillClosed.v2"),
        ("detail-type", ...),
        ("source", "aws.s3"),
        ("detail.specversion", "0.3"),
        ("detail.id", ...),
        ("detail.id", ""),
        ("detail.id", "x" * 129),
        ("detail.tenantid", "unknown"),
        ("detail.tenantid", "Acme#OUTBOX"),
        ("detail.tenantid", ...),
        ("detail.time", "2026-11-20T12:00:00"),
        ("detail.data", []),
        ("detail.data.bill_id", ...),
        ("detail.data.bill_id", 7),
        ("detail.data.totals", [{"currency": "USD", "raw": "NaN"}]),
    ],
)
def test_what_is_not_of_the_contract_is_poison(path: str, value: Any) -> None:
    with pytest.raises(PoisonMessage) as caught:
        parse_bridge(json.dumps(changed(path, value)), BillClosed)
    assert not isinstance(caught.value, UnknownEvent)


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "7", "{", '"x"', '{"detail": NaN}', "[" * 100_000, "9" * 5000]
)
def test_what_is_no_json_object_is_poison(body: str) -> None:
    with pytest.raises(PoisonMessage):
        parse_bridge(body, BillClosed)


@given(
    st.text(max_size=40) | st.recursive(st.none() | st.text(), lambda each: st.lists(each)).map(json.dumps)
)
def test_any_body_is_an_event_or_poison(body: str) -> None:
    with pytest.raises(PoisonMessage):
        parse_bridge(body, BillClosed)


def test_poison_names_the_fields_and_not_their_values() -> None:
    with pytest.raises(PoisonMessage) as caught:
        parse_bridge(changed("detail.data.bill_id", 424242), BillClosed)
    assert [each["field"] for each in caught.value.errors] == ["bill_id"]
    assert "424242" not in str(caught.value.errors) + caught.value.detail


def test_an_amount_that_a_producer_wrote_as_a_number_is_read_exactly() -> None:
    body = bridge_body(wrapped()).replace('"0.0000001"', "1.100000000000000000000000000001")
    event = parse_bridge(body, BillClosed)[1]
    assert isinstance(event, BillClosed)
    assert event.totals[0].raw == Decimal("1.100000000000000000000000000001")


def test_an_event_that_is_not_accepted_is_unknown() -> None:
    with pytest.raises(UnknownEvent):
        parse_bridge(bridge_body(wrapped()), BillOpened)
    next_version = wrapped(type="BillClosed.v9")
    with pytest.raises(UnknownEvent):
        parse_bridge(bridge_body(next_version), BillClosed)
    with pytest.raises(UnknownEvent):
        parse_bridge(bridge_body(next_version))
    with pytest.raises(UnknownEvent):
        parse_bridge(bridge_body(wrapped(source="onyx.other")), BillClosed)


@pytest.mark.usefixtures("registry")
def test_the_next_version_of_an_event_stands_beside_it() -> None:
    class BillClosedV2(BillClosed):
        version: ClassVar[int] = 2
        reason: str

    assert BillClosedV2.detail_type() == "BillClosed.v2"
    assert {"BillClosed.v1", "BillClosed.v2"} <= registered_events().keys()
    assert parse_bridge(bridge_body(wrapped()), BillClosed, BillClosedV2)[1] == closed()


@pytest.mark.usefixtures("registry")
def test_two_classes_cannot_share_a_detail_type() -> None:
    with pytest.raises(TypeError, match=r"BillClosed\.v1 is taken"):

        class Another(Event):
            type = "BillClosed"
            source = "onyx.test"


@pytest.mark.parametrize(
    "attributes",
    [
        {"type": "billClosed", "source": "onyx.test"},
        {"type": "BillX", "source": "test"},
        {"type": "BillX"},
        {"type": "BillX", "source": "onyx.test", "version": 0},
        {"type": "BillX", "source": "onyx.test", "subject_field": "nothing"},
    ],
)
@pytest.mark.usefixtures("registry")
def test_a_badly_declared_event_fails_where_it_is_declared(attributes: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Bad"):
        type("Bad", (Event,), {"__module__": __name__, **attributes})


@pytest.mark.usefixtures("registry")
def test_a_base_without_a_type_is_no_event() -> None:
    class TestEvent(Event):
        source: ClassVar[str] = "onyx.test"

    assert TestEvent not in registered_events().values()

"""Events: versioned contracts in a CloudEvents 1.0 envelope, as they travel over the bus.

A domain declares its events in its `events.py` as subclasses of `Event`. Within a version only
optional fields are added; anything else is a new class with the next version (`Name.v2`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_serializer

from shared.clock import iso
from shared.errors import BadRequest, PayloadTooLarge, PoisonMessage, UnknownEvent
from shared.tenancy import TenantId, tenant_id

MAX_ENTRY_BYTES = 256 * 1024
"""EventBridge's limit for an entry. SNS and SQS have the same limit for the delivered event."""

_DELIVERY_OVERHEAD = 1024
"""What EventBridge adds round the detail on delivery (id, account, region, resources), rounded up."""

_TYPE = re.compile(r"[A-Z][A-Za-z0-9]*")
_SOURCE = re.compile(r"onyx\.[a-z][a-z-]*")

_registry: dict[str, "type[Event]"] = {}


class Event(BaseModel):
    """Base of every event; an instance is the envelope's `data`.

    A subclass sets `type` ("BillIngested"), `source` ("onyx.cost-center"), `version` from the second
    on, and optionally `subject_field`: the field whose value becomes the envelope's subject. Fields that
    hold money are `shared.fields.Money`. A reader ignores fields it does not know.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    source: ClassVar[str]
    version: ClassVar[int] = 1
    subject_field: ClassVar[str | None] = None

    @classmethod
    def detail_type(cls) -> str:
        """`Name.vN`: the detail-type on the bus and the `type` in the envelope."""
        return f"{cls.type}.v{cls.version}"

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if hasattr(cls, "type"):
            _register(cls)


class AnyEvent(Event):
    """Stands for an event of whatever type, for a consumer that reads the envelope and takes all of them."""


def _register(cls: type[Event]) -> None:
    name = f"{cls.__module__}.{cls.__qualname__}"
    if not _TYPE.fullmatch(cls.type) or not _SOURCE.fullmatch(getattr(cls, "source", "")) or cls.version < 1:
        raise TypeError(
            f"{name}: an event needs a CamelCase type, a source 'onyx.<domain>' and a version from 1"
        )
    if cls.subject_field is not None and cls.subject_field not in cls.model_fields:
        raise TypeError(f"{name}: the subject field {cls.subject_field!r} does not exist")
    other = _registry.get(cls.detail_type())
    if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(f"{name}: {cls.detail_type()} is taken by {other.__module__}.{other.__qualname__}")
    _registry[cls.detail_type()] = cls


def registered_events() -> Mapping[str, type[Event]]:
    """Every event class that was imported so far, by detail-type."""
    return dict(sorted(_registry.items()))


class Envelope(BaseModel):
    """CloudEvents 1.0 attributes with the extensions `tenantid`, `traceparent` and `correlationid`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1, max_length=128)
    source: str
    type: str
    subject: str | None = None
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    tenantid: str
    traceparent: str | None = None
    correlationid: str | None = None
    data: dict[str, Any]

    @property
    def tenant(self) -> TenantId:
        return TenantId(self.tenantid)

    @field_serializer("time")
    def _write_time(self, value: datetime) -> str:
        return iso(value)


def envelope(
    event: Event,
    *,
    tenant: TenantId,
    id: str,
    time: datetime,
    traceparent: str | None = None,
    correlationid: str | None = None,
) -> Envelope:
    """The envelope of `event`. Raises ValueError for a float in the data or a naive time."""
    kind = type(event)
    data = event.model_dump(mode="json")
    _refuse_floats(data, kind.detail_type())
    subject = getattr(event, kind.subject_field) if kind.subject_field else None
    return Envelope(
        id=id,
        source=kind.source,
        type=kind.detail_type(),
        subject=None if subject is None else str(subject),
        time=time,
        dataschema=data_schema(kind),
        tenantid=tenant_id(tenant),
        traceparent=traceparent,
        correlationid=correlationid,
        data=data,
    )


def data_schema(kind: type[Event]) -> str:
    """The name of the checked-in JSON Schema of an event (`docs/events/<Name>.vN.json`)."""
    return f"urn:onyx:event:{kind.detail_type()}"


def to_entry(env: Envelope, bus: str) -> dict[str, Any]:
    """The PutEvents entry of `env`. Raises PayloadTooLarge (EVENT_TOO_LARGE) above 256 KB as delivered."""
    detail = env.model_dump_json(exclude_none=True)
    size = len(detail.encode()) + len(env.source) + len(env.type) + _DELIVERY_OVERHEAD
    if size > MAX_ENTRY_BYTES:
        raise PayloadTooLarge(
            f"{env.type} {env.id} has {size} bytes; an event carries totals and points to S3 for detail",
            code="EVENT_TOO_LARGE",
        )
    return {
        "Source": env.source,
        "DetailType": env.type,
        "Detail": detail,
        "EventBusName": bus,
        "Time": env.time.astimezone(UTC),
    }


def parse_bridge(body: str | Mapping[str, Any], *accept: type[Event]) -> tuple[Envelope, Event]:
    """The envelope and event in an EventBridge event, as SNS delivers it raw to SQS.

    `accept` are the classes that the caller handles; without any, every registered event is accepted; with
    `AnyEvent`, every event at all, and only its envelope is read.
    Raises PoisonMessage for anything that is no well-formed event of its declared schema, and
    UnknownEvent for a type or version that is not accepted.
    """
    env = _bridged(body)
    if AnyEvent in accept:
        return env, AnyEvent()
    kinds = {kind.detail_type(): kind for kind in accept} or _registry
    kind = kinds.get(env.type)
    if kind is None or kind.source != env.source:
        raise UnknownEvent(f"{env.type} of {env.source} is not accepted here")
    try:
        return env, kind.model_validate(env.data)
    except ValidationError as error:
        raise PoisonMessage(
            f"the data of {env.type} {env.id} is not of its schema", errors=findings(error)
        ) from error


def findings(error: ValidationError) -> list[dict[str, str]]:
    """What pydantic found, per field and without the values (they may be anybody's)."""
    return told(error.errors(include_input=False, include_url=False, include_context=False))


def told(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's errors as findings: without the class that it puts before what a validator of ours said."""
    return [
        {
            "field": ".".join(map(str, each["loc"])),
            "code": each["type"],
            "message": each["msg"].removeprefix("Value error, "),
        }
        for each in errors
    ]


def _bridged(body: str | Mapping[str, Any]) -> Envelope:
    bridge = _json_object(body)
    detail = bridge.get("detail")
    if not isinstance(detail, Mapping):
        raise PoisonMessage("no event on the body: it has no object 'detail'")
    env = _envelope_of(detail)
    if (bridge.get("detail-type"), bridge.get("source")) != (env.type, env.source):
        raise PoisonMessage("the envelope's type and source differ from those of the EventBridge event")
    return env


def _json_object(body: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(body, Mapping):
        return body
    try:
        # A number with a point stays exact, should a producer write one where a string belongs.
        parsed = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, TypeError, RecursionError) as error:
        raise PoisonMessage("the body is not JSON") from error
    if not isinstance(parsed, dict):
        raise PoisonMessage("the body is not a JSON object")
    return parsed


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _envelope_of(detail: Mapping[str, Any]) -> Envelope:
    try:
        env = Envelope.model_validate(detail)
        tenant_id(env.tenantid)
    except ValidationError as error:
        raise PoisonMessage("the detail is not an event envelope", errors=findings(error)) from error
    except BadRequest as error:
        raise PoisonMessage("the envelope names no valid tenant") from error
    return env


def _refuse_floats(value: Any, where: str) -> None:
    if isinstance(value, float):
        raise ValueError(f"{where} holds a float: use shared.fields.Money, an integer or text")
    if isinstance(value, dict):
        for key, each in value.items():
            _refuse_floats(each, f"{where}.{key}")
    elif isinstance(value, list):
        for each in value:
            _refuse_floats(each, where)

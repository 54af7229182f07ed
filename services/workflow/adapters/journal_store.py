"""The journal in DynamoDB, in the step-journal table.

    RUN#<run>      STEP#<at>#<step>   the record
    EFFECT#<key>   STEP               which record the effect is of: the run that began it last

What is the tenant's own (input, output) is JSON text. An output that is too long for a row is in S3.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.workflow.adapters.outgoing import Outgoing
from services.workflow.adapters.packed_text import pack, unpack
from services.workflow.domain.run import Failure, StepRecord, StepStatus
from services.workflow.domain.runtime_ports import Artifacts
from shared.clock import iso
from shared.events import Event
from shared.json_text import dumps
from shared.table import TenantTable
from shared.tenancy import TenantId

Item = dict[str, Any]
KEPT = timedelta(days=400)
"""How long a record stays: as long as its run's row."""
LONGEST = 16_000
"""Bytes of an output that a row holds: a run's end reads all of its rows."""
_MOMENTS = ("ended_at", "retry_at")
_PLAIN = (
    *("run", "step", "at", "attempt", "effect_key", "output_location", "token"),
    *("branch", "items", "until", "lost", "caught", "carried_from"),
)
_POINTER = "STEP"
_ANSWERED = frozenset({StepStatus.WAITING, StepStatus.UNKNOWN})
"""What an answer may still come for."""


class JournalStore:
    """One environment's journal."""

    def __init__(self, table: TenantTable, outgoing: Outgoing, artifacts: Artifacts) -> None:
        self._table = table
        self._outgoing = outgoing
        self._artifacts = artifacts

    def get(self, tenant: TenantId, run: str, step: str, at: str) -> StepRecord | None:
        item = self._table.get(tenant, _key(at, step), partition=f"RUN#{run}")
        return None if item is None else record_of(item)

    def every(self, tenant: TenantId, run: str) -> Sequence[StepRecord]:
        rows = self._table.query_all(tenant, prefix="STEP#", partition=f"RUN#{run}")
        return [record_of(row) for row in rows]

    def save(self, tenant: TenantId, record: StepRecord, events: Sequence[Event] = ()) -> StepRecord:
        kept = self._outside(tenant, record)
        key, partition = _key(kept.at, kept.step), f"RUN#{kept.run}"
        item = {**record_item(kept), "ttl": self._ends()}
        points = self._pointer(tenant, kept)
        if not points and not events:
            self._table.put(tenant, key, item, expected_version=kept.rowversion, partition=partition)
            return replace(kept, rowversion=(kept.rowversion or 0) + 1)
        row = self._table.tx_put(tenant, key, item, expected_version=kept.rowversion, partition=partition)
        self._outgoing.write(self._table, tenant, [row, *points], events, about=kept.run)
        return replace(kept, rowversion=(kept.rowversion or 0) + 1)

    def by_effect(self, tenant: TenantId, effect_key: str) -> StepRecord | None:
        pointer = self._table.get(tenant, _POINTER, partition=f"EFFECT#{effect_key}")
        if pointer is None:
            return None
        return self.get(tenant, pointer["run"], pointer["step"], pointer["at"])

    def output(self, tenant: TenantId, record: StepRecord) -> Any:
        if record.output_location is None:
            return record.output
        return _read(self._artifacts.get_output(tenant, record.output_location))

    def _outside(self, tenant: TenantId, record: StepRecord) -> StepRecord:
        """The record with a long output in S3, where it is before the row says so."""
        if record.output is None:
            return record
        text = dumps(record.output)
        if len(text.encode()) <= LONGEST:
            return replace(record, output_location=None)
        location = self._artifacts.put_output(tenant, record.run, record.at, record.step, text)
        return replace(record, output=None, output_location=location)

    def _ends(self) -> int:
        """Of a row that is written now: a retried run takes over what was begun long before."""
        return int((self._outgoing.now() + KEPT).timestamp())

    def _pointer(self, tenant: TenantId, record: StepRecord) -> list[Any]:
        """Of what is waited for: a retried run takes the effect over. It is written over whatever is there,
        so it counts no versions."""
        if record.status not in _ANSWERED:
            return []
        to = {"run": record.run, "step": record.step, "at": record.at, "begun_at": iso(record.started_at)}
        write = self._table.tx_put(
            tenant, _POINTER, {**to, "ttl": self._ends()}, partition=f"EFFECT#{record.effect_key}"
        )
        put: Any = dict(write["Put"])
        put.pop("ConditionExpression", None)
        return [{"Put": put}]


def record_item(record: StepRecord) -> Item:
    item: Item = {name: getattr(record, name) for name in _PLAIN}
    item |= {
        "status": record.status.value,
        "started_at": iso(record.started_at),
        "earlier_tokens": list(record.earlier_tokens),
        "input": None if record.input is None else pack(dumps(record.input)),
        "output": None if record.output is None else pack(dumps(record.output)),
    }
    for name in _MOMENTS:
        moment = getattr(record, name)
        item[name] = None if moment is None else iso(moment)
    if record.failure is not None:
        failure = record.failure
        item["failure"] = {
            "code": failure.code,
            "message": failure.message,
            "step": failure.step,
            "at": failure.at,
            "retryable": failure.retryable,
        }
    return item


def record_of(item: Mapping[str, Any]) -> StepRecord:
    return StepRecord(
        **{name: item[name] for name in _PLAIN},
        ended_at=_moment(item["ended_at"]),
        retry_at=_moment(item["retry_at"]),
        status=StepStatus(item["status"]),
        started_at=datetime.fromisoformat(item["started_at"]),
        earlier_tokens=tuple(item["earlier_tokens"]),
        input=None if item["input"] is None else _read(unpack(item["input"])),
        output=None if item["output"] is None else _read(unpack(item["output"])),
        failure=Failure(**item["failure"]) if item.get("failure") else None,
        rowversion=int(item["version"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _key(at: str, step: str) -> str:
    return f"STEP#{at}#{step}"


def _read(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)

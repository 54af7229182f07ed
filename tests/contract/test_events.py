"""Walks the registry of events: each has its schema, a captured payload, and a consumer or a reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.events import parse_bridge, registered_events
from shared.schema_changes import breaking_changes
from shared.schemas import all_schemas, import_events

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "docs" / "events"
PAYLOADS = Path(__file__).parent / "events"

import_events()
EVENTS = sorted(name.removesuffix(".json") for name in all_schemas())

UNCONSUMED = {
    "BillRejected.v1": "the bill's row tells its users; notification is a workflow's matter",
    "TenantSuspended.v1": "tokens stop at the next login by the tenant's row; audit",
    "TenantResumed.v1": "as above; audit",
    "UserCreated.v1": "audit",
    "UserRolesChanged.v1": "read from the user's row at the next token; audit",
    "UserDisabled.v1": "as above; audit",
    "SsoMappingCreated.v1": "audit",
    "SsoMappingDeleted.v1": "audit",
    "ConnectionCreated.v1": "audit",
    "ConnectionVerified.v1": "the connection's row tells its users; audit",
    "ConnectionRefused.v1": "as above; audit",
    "ConnectionFailed.v1": "the row has the reason; notification is a workflow's matter",
    "ConnectionRemoved.v1": "audit",
    "BillOverdue.v1": "`onyx bills` shows it; notification is a workflow's matter",
    "InvoiceEntered.v1": "audit",
    "InvoiceRemoved.v1": "audit",
    "TagsPromoted.v1": "audit; the next ingest reads the row",
    "WorkflowPublished.v1": "audit; a workflow may hear it",
    "WorkflowDeleted.v1": "as above",
    "RunStarted.v1": "the run's row tells its users; a workflow may hear it",
    "ApprovalRequested.v1": "`onyx workflow approvals` shows it; notification is a workflow's matter",
    "StepNeedsAttention.v1": "`onyx workflow logs` shows it; notification is a workflow's matter",
    "SweepHealed.v1": "operators: `onyx events tail`; a rule of theirs may page",
}
CONSUMED = {
    "BillIngested.v1",
    "BillRestated.v1",
    "LakeMaintenanceDue.v1",
    "TenantCreated.v1",
    "ExportRequested.v1",
    "CronDue.v1",
    "RunRequested.v1",
    "RunFinished.v1",
    "RunCancelled.v1",
    "ApprovalDecided.v1",
    "ActionRequested.v1",
    "ActionProgressed.v1",
    "ActionFinished.v1",
}


def test_the_registry_is_complete() -> None:
    assert len(EVENTS) >= 10
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(EVENTS)
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(EVENTS)
    assert set(UNCONSUMED) | CONSUMED == set(EVENTS)
    assert not set(UNCONSUMED) & CONSUMED


@pytest.mark.parametrize("name", EVENTS)
def test_the_schema_is_the_checked_in_one(name: str) -> None:
    kept: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    now = all_schemas()[f"{name}.json"]
    assert breaking_changes(kept, now) == [], "within a version only optional additions: make a new version"
    assert kept == now, "run `make schemas`"


@pytest.mark.parametrize("name", EVENTS)
def test_a_captured_payload_is_still_read(name: str) -> None:
    payload = json.loads((PAYLOADS / f"{name}.json").read_text())
    envelope, event = parse_bridge(payload)
    assert envelope.type == name
    assert type(event) is registered_events()[name]
    said: dict[str, Any] = payload["detail"]["data"]
    assert event.model_dump(mode="json") == said, "a field of the payload is lost or reads otherwise"

"""What the data plane is asked to do."""

from datetime import datetime
from typing import ClassVar, Literal

from services.cost_center.events.bills import DATA
from shared.events import Event


class ExportRequested(Event):
    """A tenant asked for an export: the data plane is to write it. What it holds stands in the job's row.

    `attempt` counts how often the job was begun; a job that was begun again ignores earlier events.
    """

    model_config = DATA
    type: ClassVar[str] = "ExportRequested"
    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "export_id"

    export_id: str
    attempt: int
    format: Literal["csv", "parquet"]
    focus_version: str
    first_period: str
    last_period: str
    bills: list[str]
    requested_at: datetime


class LakeMaintenanceDue(Event):
    """A tenant's tables are to be maintained: the data plane forgets snapshots that nobody can ask for.

    `week` is the ISO week (2026-W47) that it is for: there is one such event for each.
    """

    type: ClassVar[str] = "LakeMaintenanceDue"
    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "week"

    week: str

"""What a sweep healed is never silent: a metric for the chart, an event for whoever asks why.

Every sweep runs on a schedule and repairs what a crash, a lost message or a dead stream left behind.
"""

from collections.abc import Sequence
from typing import ClassVar

from aws_lambda_powertools.metrics import MetricUnit

from shared.clock import Clock
from shared.events import Envelope, Event, envelope
from shared.ids import Ids
from shared.observability import flush_metrics, metrics
from shared.tenancy import TenantId

MOST_EXAMPLES = 5
LANDING_METRIC = "LandingSweepHealed"
OUTBOX_METRIC = "OutboxSweepHealed"
ORPHANS_METRIC = "OrphansRemoved"


class SweepHealed(Event):
    """One run of a sweep (`landing`, `outbox` or `orphans`) repaired something of a tenant.

    `healed` counts what was repaired; `examples` names at most five of them: landing keys, event ids or lake
    keys.
    """

    type: ClassVar[str] = "SweepHealed"
    source: ClassVar[str] = "onyx.platform"
    subject_field: ClassVar[str | None] = "sweep"

    sweep: str
    tenant: str
    healed: int
    examples: list[str]


def healed(
    sweep: str, tenant: TenantId, what: Sequence[str], *, count: int | None = None, clock: Clock, ids: Ids
) -> Envelope:
    """The envelope that tells of one run; `count` where `what` holds only some of what was healed."""
    event = SweepHealed(
        sweep=sweep,
        tenant=tenant,
        healed=len(what) if count is None else count,
        examples=list(what[:MOST_EXAMPLES]),
    )
    return envelope(event, tenant=tenant, id=ids.new(), time=clock.now())


def measure(metric: str, count: int) -> None:
    """Write the run's metric, also a zero: a line that is missing means a sweep that does not run."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=count)
    flush_metrics()

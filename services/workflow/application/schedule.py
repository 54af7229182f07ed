"""A schedule's time has come: the run of that time, and of those that were missed what the trigger says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from services.workflow.application.requesting import Cause, Requesting
from services.workflow.domain.cron import parse_cron
from services.workflow.domain.definition import CronTrigger, Missed
from services.workflow.domain.start_ports import Triggers
from services.workflow.domain.workflow import TriggerSet
from shared.clock import Clock, iso
from shared.json_text import moment
from shared.tenancy import TenantId

MOST_MISSED = 100
ON_TIME = timedelta(minutes=5)
"""A time that is not older than this is not missed yet: Scheduler's event of it may still be on its way."""
_LOOKED_AT = 10 * MOST_MISSED


@dataclass(frozen=True)
class RunOnSchedule:
    """The use case and its ports."""

    triggers: Triggers
    requesting: Requesting
    clock: Clock

    def __call__(self, tenant: TenantId, workflow: str, trigger: str, scheduled_at: datetime) -> list[str]:
        """The runs that were asked for. Paused or changed meanwhile: none, and the time counts as missed."""
        found = self.triggers.get(tenant, workflow)
        cron = next((each for each in found.crons() if each.name == trigger), None) if found else None
        if found is None or cron is None or not found.active:
            return []
        seen = self._seen(tenant, found, cron)
        if scheduled_at <= seen:
            return []
        missed = times_between(cron, seen, scheduled_at - timedelta(seconds=1))
        return self._run(tenant, found, cron, [*made_up_for(cron.missed, missed), scheduled_at])

    def catch_up(self, tenant: TenantId, triggers: TriggerSet) -> list[str]:
        """What no event told of, long enough after it should have."""
        asked: list[str] = []
        for cron in triggers.crons() if triggers.active else ():
            late = self.clock.now() - ON_TIME
            missed = times_between(cron, self._seen(tenant, triggers, cron), late)
            if missed:
                wanted = made_up_for(cron.missed, missed)
                asked += self._run(tenant, triggers, cron, wanted, seen=missed[-1])
        return asked

    def _seen(self, tenant: TenantId, triggers: TriggerSet, cron: CronTrigger) -> datetime:
        # A schedule begins with the version that brought it: what another one missed is not asked of it.
        seen = self.triggers.seen(tenant, triggers.workflow, cron.name)
        since = triggers.since_of(cron.name)
        return since if seen is None else max(seen, since)

    def _run(
        self,
        tenant: TenantId,
        triggers: TriggerSet,
        cron: CronTrigger,
        times: Sequence[datetime],
        seen: datetime | None = None,
    ) -> list[str]:
        causes = [
            Cause(
                tenant, triggers, cron.name, iso(at), triggers.by, {"scheduled_at": moment(at)}, cron.inputs
            )
            for at in times
        ]
        asked = self.requesting(causes)
        # Last: should this end before it, the same times ask for the same runs again.
        self.triggers.saw(tenant, triggers.workflow, cron.name, seen or times[-1])
        return asked


def times_between(cron: CronTrigger, after: datetime, until: datetime) -> list[datetime]:
    """The schedule's times after one and up to another, oldest first; of very many the newest."""
    found = parse_cron(cron.cron, cron.timezone).between(after, until)
    return list(islice(found, _LOOKED_AT))[::-1]


def made_up_for(policy: Missed, missed: Sequence[datetime]) -> list[datetime]:
    """Which of the missed times are run after all."""
    if policy is Missed.RUN_ALL:
        return list(missed[-MOST_MISSED:])
    return list(missed[-1:]) if policy is Missed.RUN_ONCE else []

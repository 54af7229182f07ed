"""Events against triggers: which workflows they start."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.workflow.application.requesting import MOST_DEPTH, Cause, Requesting
from services.workflow.domain.definition import EventTrigger
from services.workflow.domain.matcher import Candidate, Matcher
from services.workflow.domain.naming import RUN_ID
from services.workflow.domain.start_ports import GlobalTriggers, QueuedRuns, Triggers
from services.workflow.domain.workflow import GlobalTrigger, TriggerSet
from shared.events import Envelope
from shared.tenancy import TenantId

MOST_TENANTS = 200
"""Whose triggers a warm function keeps in memory."""
Own = tuple[TriggerSet, EventTrigger]


@dataclass(frozen=True)
class TenantTriggers:
    """A tenant's triggers as they were in one generation."""

    generation: int
    sets: Mapping[str, TriggerSet]
    matcher: Matcher[Own]


@dataclass
class KnownTriggers:
    """Triggers in memory, for as long as their generation is the current one: one small read tells."""

    triggers: Triggers
    everyones: GlobalTriggers
    _own: dict[TenantId, TenantTriggers] = field(default_factory=dict)
    _global: tuple[int, Matcher[GlobalTrigger]] | None = None

    def of(self, tenant: TenantId) -> TenantTriggers:
        generation = self.triggers.generation(tenant)
        known = self._own.get(tenant)
        if known is None or known.generation != generation:
            # Read after the number: what changes in between is read again next time.
            sets = [each for each in self.triggers.every(tenant) if each.active]
            own = [(each, trigger) for each in sets for trigger in each.events()]
            matcher = Matcher(Candidate(trigger.type, trigger.pattern, (s, trigger)) for s, trigger in own)
            known = TenantTriggers(generation, {each.workflow: each for each in sets}, matcher)
            self._own.pop(tenant, None)
            self._own[tenant] = known
            if len(self._own) > MOST_TENANTS:
                del self._own[next(iter(self._own))]
        return known

    def everybodys(self) -> Matcher[GlobalTrigger]:
        generation = self.everyones.generation()
        if self._global is None or self._global[0] != generation:
            found = self.everyones.every()
            self._global = generation, Matcher(Candidate(each.type, each.pattern, each) for each in found)
        return self._global[1]


@dataclass(frozen=True)
class MatchEvents:
    """The use case and its ports."""

    known: KnownTriggers
    runs: QueuedRuns
    requesting: Requesting

    def __call__(self, events: Sequence[Envelope]) -> list[str]:
        """The runs that the events ask for."""
        everybodys = self.known.everybodys()
        own = {tenant: self.known.of(tenant) for tenant in {each.tenant for each in events}}
        causes = [c for each in events for c in self._causes(each, own[each.tenant], everybodys)]
        return self.requesting(causes)

    def _causes(
        self, env: Envelope, own: TenantTriggers, everybodys: Matcher[GlobalTrigger]
    ) -> Iterator[Cause]:
        matched = own.matcher.match(env.type, env.data)
        shared = [each for each in everybodys.match(env.type, env.data) if each.workflow in own.sets]
        if not matched and not shared:
            return
        depth = self._depth(env)
        if depth > MOST_DEPTH + 1:
            return  # the end of a chain that was refused, and told of: it starts no other refusal
        for triggers, trigger in matched:
            yield Cause(
                env.tenant,
                triggers,
                trigger.name,
                env.id,
                triggers.by,
                env.data,
                trigger.inputs,
                trigger.when,
                depth,
            )
        for each in shared:
            triggers = own.sets[each.workflow]
            yield Cause(
                env.tenant, triggers, each.trigger, env.id, triggers.by, env.data, each.inputs, None, depth
            )

    def _depth(self, env: Envelope) -> int:
        """0, or one more than the run that the event tells of (or that caused it, by the correlation id)."""
        for said in (env.data.get("run_id"), env.correlationid):
            if isinstance(said, str) and RUN_ID.fullmatch(said):
                run = self.runs.get(env.tenant, said)
                return 1 if run is None else run.depth + 1
        return 0

"""Whether a plan would run over columns in memory: its worker is asked, and opens no file for it."""

from dataclasses import dataclass, replace

from services.query_engine.adapters.hydration import Hydration
from services.query_engine.domain.answers import Answer, Engine, Limits
from services.query_engine.domain.plan import Plan
from shared.errors import OnyxError
from shared.tenancy import TenantId

ENGINE = "residency"
_SECONDS = 5.0


@dataclass(frozen=True)
class Residence(Answer):
    """What a plan of residency is answered with."""

    in_memory: bool = False


def run(plan: Plan, tenant: str, hydration: Hydration | None) -> Residence:
    """Of a plan as `PoolResidency` makes it; its one column is the engine that it is meant for."""
    meant = replace(plan, engine=plan.columns[0])
    return Residence((), b"[]", 0, in_memory=hydration is not None and hydration.holds(tenant, meant))


class PoolResidency:
    """Asks the worker that would run the plan."""

    def __init__(self, pool: Engine) -> None:
        self._pool = pool

    def in_memory(self, tenant: TenantId, plan: Plan) -> bool | None:
        """None where it cannot be told now."""
        asked = replace(plan, engine=ENGINE, columns=(plan.engine,))
        try:
            answer = self._pool.run(tenant, asked, Limits(0, 0), _SECONDS)
        except OnyxError:
            return None
        return answer.in_memory if isinstance(answer, Residence) else None

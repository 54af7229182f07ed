"""Troubles of deliveries in memory."""

from collections.abc import Callable
from dataclasses import replace

from services.cost_center.domain.trouble import Trouble, TroublePage
from shared.errors import VersionConflict
from shared.tenancy import TenantId


class FakeTroubles:
    """Rows with versions, as the store has them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[TenantId, str], Trouble] = {}
        self.saves = 0
        self.before_save: Callable[[], None] = lambda: None
        """Called before each write: what another worker does meanwhile, or what fails."""

    def trouble(self, tenant: TenantId, delivery_id: str) -> Trouble | None:
        return self.rows.get((tenant, delivery_id))

    def troubles(self, tenant: TenantId, *, limit: int, cursor: str | None) -> TroublePage:
        found = [row for (owner, _), row in sorted(self.rows.items()) if owner == tenant]
        found = [row for row in found if row.delivery_id > (cursor or "")]
        more = found[limit - 1].delivery_id if len(found) > limit else None
        return TroublePage([row for row in found[:limit] if row.resolved is None], more)

    def save_trouble(self, tenant: TenantId, trouble: Trouble) -> Trouble:
        self.before_save()
        held = self.rows.get((tenant, trouble.delivery_id))
        if (None if held is None else held.version) != trouble.version:
            raise VersionConflict("the trouble was changed")
        self.saves += 1
        saved = replace(trouble, version=(trouble.version or 0) + 1)
        self.rows[tenant, trouble.delivery_id] = saved
        return saved

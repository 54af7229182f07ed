"""Promote tags: new publications of `charges` have a column for each. Who chose is in the event."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.cost_center.domain.promoted_tags import Promoted, PromotedTags, promoted
from services.cost_center.events import TagsPromoted
from shared.tenancy import TenantId


@dataclass(frozen=True)
class ManagePromotedTags:
    """The use cases and their port."""

    tags: PromotedTags

    def chosen(self, tenant: TenantId) -> Promoted:
        return self.tags.settings(tenant).promoted

    def choose(self, tenant: TenantId, keys: Sequence[str], by: str) -> Promoted:
        """Exactly these from now on; the same again changes nothing and tells nobody.

        Raises BadRequest (INVALID_TAG_KEY), Conflict (VERSION_CONFLICT) for a race lost.
        """
        wanted = promoted(keys)
        known = self.tags.settings(tenant)
        if known.promoted != wanted:
            told = TagsPromoted(
                keys=[tag.key for tag in wanted], before=[tag.key for tag in known.promoted], by=by
            )
            self.tags.save(tenant, replace(known, promoted=wanted), told)
        return wanted

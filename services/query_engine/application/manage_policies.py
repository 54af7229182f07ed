"""Row policies as administrators set them, and as the one whom they bind may read them."""

from dataclasses import dataclass, replace

from services.query_engine.domain.policies import (
    Binding,
    Policies,
    PolicyPage,
    PolicySettings,
    RowPolicy,
    SetPolicy,
    subject_of,
    tag_key,
)
from shared.clock import Clock
from shared.errors import NotFound
from shared.tenancy import Principal, Role


@dataclass(frozen=True)
class ManagePolicies:
    """The use cases and their port. What is set again as it is changes nothing."""

    policies: Policies
    clock: Clock

    def own(self, caller: Principal) -> Binding | None:
        """What binds the caller; None where they see all rows of their tenant."""
        caller.require(Role.VIEWER)
        return self.policies.binding(caller.tenant, caller.subject)

    def page(
        self, caller: Principal, limit: int, cursor: str | None = None
    ) -> tuple[PolicyPage, PolicySettings]:
        caller.require(Role.ADMIN)
        return self.policies.page(caller.tenant, limit, cursor), self.policies.settings(caller.tenant)

    def show(self, caller: Principal, subject: str) -> SetPolicy:
        """Raises NotFound."""
        caller.require(Role.ADMIN)
        found = self.policies.find(caller.tenant, subject_of(subject))
        if found is None:
            raise NotFound(f"there is no row policy for {subject}")
        return found

    def choose(self, caller: Principal, subject: str, policy: RowPolicy) -> SetPolicy:
        """In place of the one before. Raises BadRequest (ROW_POLICY), Conflict for a race lost."""
        caller.require(Role.ADMIN)
        found = self.policies.find(caller.tenant, subject_of(subject))
        if found is not None and found.policy == policy:
            return found
        version = found.version + 1 if found else 1
        given = SetPolicy(subject, policy, caller.subject, self.clock.now(), version)
        self.policies.save(caller.tenant, given)
        return given

    def remove(self, caller: Principal, subject: str) -> SetPolicy:
        """The one that there was. Raises NotFound, Conflict for a race lost."""
        found = self.show(caller, subject)
        self.policies.remove(caller.tenant, found, caller.subject, self.clock.now())
        return found

    def configure(self, caller: Principal, *, deny_unnamed: bool, cost_center_tag: str) -> PolicySettings:
        """Raises BadRequest (ROW_POLICY), Conflict for a race lost."""
        caller.require(Role.ADMIN)
        known = self.policies.settings(caller.tenant)
        wanted = replace(known, deny_unnamed=deny_unnamed, cost_center_tag=tag_key(cost_center_tag))
        if wanted != known:
            self.policies.configure(caller.tenant, wanted, caller.subject, self.clock.now())
        return wanted

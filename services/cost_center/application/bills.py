"""Reading bills and their reconciliation."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cost_center.domain.bill import Bill, Status
from services.cost_center.domain.ports import BillPage, Bills
from services.cost_center.domain.reconciliation import Reconciliation
from shared.errors import NotFound
from shared.tenancy import TenantId


@dataclass(frozen=True)
class ReadBills:
    """The use cases that change nothing."""

    bills: Bills

    def page(self, tenant: TenantId, *, status: Status | None, limit: int, cursor: str | None) -> BillPage:
        """One page of bills by id. A status leaves out others, so a page may be shorter than its limit."""
        page = self.bills.bills(tenant, limit=limit, cursor=cursor)
        if status is None:
            return page
        return BillPage([bill for bill in page.bills if bill.outcome.status is status], page.cursor)

    def bill(self, tenant: TenantId, bill_id: str) -> Bill:
        found = self.bills.bill(tenant, bill_id)
        if found is None:
            raise NotFound(f"there is no bill {bill_id}")
        return found

    def reconciliation(self, tenant: TenantId, bill_id: str) -> Sequence[Reconciliation]:
        """The groups of the published set; none for a bill that was only ever rejected."""
        bill = self.bill(tenant, bill_id)
        if bill.published is None:
            return ()
        return self.bills.reconciliation(tenant, bill_id, bill.published)

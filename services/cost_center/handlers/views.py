"""Domain objects as the API shows them."""

from services.cost_center.domain.bill import Bill, Delivery, Outcome
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.handlers.models import BillView, DeliveryView, GroupView, TotalView


def bill_view(bill: Bill) -> BillView:
    view = outcome_view(bill.outcome)
    if bill.published is None or bill.last_rejection is None:
        return view
    return view.model_copy(update={"last_rejection": outcome_view(bill.last_rejection)})


def outcome_view(outcome: Outcome) -> BillView:
    return BillView(
        bill_id=outcome.bill_id,
        source=outcome.source,
        format=outcome.format,
        billing_period=outcome.billing_period,
        files=list(outcome.files),
        rows=outcome.rows,
        totals=[
            TotalView(
                currency=total.currency,
                raw_total=total.raw,
                curated_total=total.curated,
                difference=total.difference,
            )
            for total in outcome.totals
        ],
        status=outcome.status,
        reasons=list(outcome.reasons),
        published_at=outcome.published_at,
        delivery_id=outcome.delivery_id,
    )


def delivery_view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        delivery_id=delivery.delivery_id,
        status="done" if delivery.done else "processing",
        bills=[outcome_view(outcome) for _, outcome in sorted(delivery.outcomes.items())],
    )


def group_view(group: Reconciliation) -> GroupView:
    return GroupView(
        billing_account=group.key.billing_account,
        billing_period=group.key.billing_period,
        invoice=group.key.invoice,
        currency=group.key.currency,
        raw_total=group.raw.amount,
        curated_total=group.curated.amount,
        residue=group.residue,
        difference=group.difference,
        raw_rows=group.raw.rows,
        curated_rows=group.curated.rows,
    )

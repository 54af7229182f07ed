"""Domain objects as the API shows them."""

from collections.abc import Sequence

from services.cost_center.application.deliveries import DeliveryReport
from services.cost_center.domain.bill import Bill, Outcome, Waiting
from services.cost_center.domain.overdue import Overdue
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.handlers.models import (
    BillView,
    DeliveryView,
    FailureView,
    GroupView,
    OverdueView,
    TotalView,
    WaitingView,
)


def bill_view(bill: Bill, late: Sequence[Overdue] = ()) -> BillView:
    """`late` may be of other bills too."""
    own = [overdue_view(each) for each in late if each.bill_id == bill.bill_id]
    view = outcome_view(bill.outcome).model_copy(update={"overdue": own})
    if bill.published is None or bill.last_rejection is None:
        return view
    return view.model_copy(update={"last_rejection": outcome_view(bill.last_rejection)})


def overdue_view(overdue: Overdue) -> OverdueView:
    return OverdueView(
        source=overdue.key.source,
        billing_period=overdue.key.billing_period or None,
        bill_id=overdue.bill_id,
        cause=overdue.key.cause,
        since=overdue.since,
        last_delivered_at=overdue.last_delivered_at,
        reason=overdue.reason,
    )


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
        quarantine=outcome.quarantine,
    )


def delivery_view(report: DeliveryReport) -> DeliveryView:
    failure = report.failure
    return DeliveryView(
        delivery_id=report.delivery_id,
        source=report.source,
        filename=report.filename,
        status=report.status,
        bills=[outcome_view(outcome) for outcome in report.outcomes],
        failure=None
        if failure is None
        else FailureView(
            attempts=failure.attempts,
            code=failure.code,
            reason=failure.reason,
            since=failure.since,
            message_id=failure.message_id,
        ),
        waiting=None if report.waiting is None else waiting_view(report.waiting),
        part_of=report.part_of,
    )


def waiting_view(waiting: Waiting) -> WaitingView:
    return WaitingView(
        since=waiting.since,
        reason=waiting.reason,
        missing=list(waiting.missing),
        missing_count=waiting.missing_count,
        named=waiting.named,
        billing_period=waiting.billing_period,
    )


def group_view(group: Reconciliation) -> GroupView:
    return GroupView(
        billing_account=group.key.billing_account,
        sub_account=group.key.sub_account,
        billing_period=group.key.billing_period,
        invoice=group.key.invoice,
        currency=group.key.currency,
        raw_total=group.raw.amount,
        curated_total=group.curated.amount,
        residue=group.residue,
        difference=group.difference,
        raw_rows=group.raw.rows,
        curated_rows=group.curated.rows,
        raw_only=group.raw_only,
    )

"""Each kind of fault by itself, over the real adapters: nothing is lost, and no part is taken for the whole.

Many of them at once, and in any order: see test_amid_faults.
"""

from contextlib import suppress
from datetime import timedelta

import pytest
from botocore.exceptions import BotoCoreError

from shared.errors import OnyxError
from tests.fakes.cost_center import ACME, NOW
from tests.fakes.faults import FILES, SDK_TRIES, Faults, Kind, Weather
from tests.fakes.faulty_bills import cur
from tests.fakes.faulty_site import Site

pytestmark = pytest.mark.emulator


@pytest.mark.parametrize("kind", [Kind.LOST, Kind.LATE])
def test_a_commit_whose_answer_is_lost_stays_whole(faults: Faults, kind: Kind) -> None:
    """The SDK's own retry would be told that somebody else committed, and the files of the commit that landed
    would be removed as those of one that did not."""
    site = Site(faults)
    first, second = (
        site.land(ACME, f"acme/aws/{rows}/bill.csv", cur(1, rows), NOW + timedelta(hours=rows))
        for rows in (1, 2)
    )
    site.ingest(first)
    for seed in range(4):  # the answer is lost once, or as often as anybody asks
        with faults.weather(Weather(seed, 60, only=("glue.UpdateTable", kind))), suppress(Exception):
            site.ingest(second)
    site.ingest(second)

    assert faults.injected["glue.UpdateTable", kind]
    site.seen.check_lake(ACME)
    [bill] = site.seen.bills(ACME)
    assert bill.outcome.rows == 2


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.SHORT])
def test_the_beginning_of_a_bill_is_no_bill(faults: Faults, kind: Kind) -> None:
    """A whole number of lines would reconcile with itself."""
    site = Site(faults)
    landed = site.land(ACME, "acme/aws/1/bill.csv", cur(1, 5), NOW)

    with (
        faults.weather(Weather(0, 100, only=("s3.GetObject", kind))),
        pytest.raises((OnyxError, BotoCoreError)),
    ):
        site.ingest(landed)

    assert site.seen.bills(ACME) == []
    site.ingest(landed)
    assert [bill.outcome.rows for bill in site.seen.bills(ACME)] == [5]


STRIKES = (
    ("glue.GetTable", Kind.THROTTLED),
    ("dynamodb.GetItem", Kind.EXCEEDED),
    ("dynamodb.TransactWriteItems", Kind.CANCELED),
    ("dynamodb.TransactWriteItems", Kind.CONFLICTED),
    ("glue.UpdateTable", Kind.CONCURRENT),
    ("s3.PutObject", Kind.SLOW_DOWN),
    ("s3.GetObject", Kind.BROKEN),
    ("dynamodb.PutItem", Kind.DROPPED),
    ("dynamodb.TransactWriteItems", Kind.LOST),
    ("glue.UpdateTable", Kind.LATE),
    ("s3.GetObject", Kind.CUT),
    ("s3.GetObject", Kind.SHORT),
    ("eventbridge.PutEvents", Kind.PARTIAL),
    ("dynamodb.BatchWriteItem", Kind.UNPROCESSED),
    (f"{FILES}.open", Kind.FILE_REFUSED),
    (f"{FILES}.open", Kind.FILE_CUT),
    (f"{FILES}.create", Kind.FILE_LOST),
)


def test_each_kind_of_fault_is_borne(faults: Faults) -> None:
    """One restatement after another: each amid one kind of fault, and once more without."""
    site = Site(faults)
    for number, strike in enumerate(STRIKES):
        landed = site.land(
            ACME, f"acme/aws/{number:02d}/bill.csv", cur(1, number + 1), NOW + timedelta(minutes=number)
        )
        # One more than the SDK tries.
        with faults.weather(Weather(number, 100, only=strike, most=SDK_TRIES + 1)):
            with suppress(Exception):  # as the poller: whatever it is, the message comes again
                site.ingest(landed)
            site.path.relay().stream(site.path.stream(100))
        site.ingest(landed)

        assert faults.injected[strike], strike
        [bill] = site.seen.bills(ACME)
        assert bill.outcome.rows == number + 1, strike

    assert {kind for _, kind in faults.injected} == set(Kind)
    told = site.cloud.outbox()
    assert len(told) == len({event["id"] for event in told}) == len(STRIKES)
    site.seen.check_lake(ACME)
    site.sweep_orphans(ACME)
    assert site.seen.data_files(ACME) == site.seen.published_files(ACME)
    site.seen.state([ACME])

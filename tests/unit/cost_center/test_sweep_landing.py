"""The landing sweep: what it announces, and that no run lists a bucket."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.cost_center.application.sweep_landing import MOST_PER_RUN, SweepLanding
from services.cost_center.domain.bill import Delivery, DeliveryKind, Waiting
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.sweeps import FIRST_WAIT, MOST_SENDS, upload_floor
from shared.clock import FixedClock
from shared.ids import SequenceIds, UuidIds
from tests.fakes.cost_center import ACME, BUCKET, NOW
from tests.fakes.cost_center_sweeps import PAGE, FakeQueue, FakeSweepRows, FakeVersions

HOUR = timedelta(hours=1)
PAGES = 5


def upload(moment: datetime, source: str = "aws", name: str = "bill.csv") -> str:
    return f"{ACME}/{source}/{UuidIds(FixedClock(moment)).new()}/{name}"


def id_of(key: str) -> str:
    return LandedObject(BUCKET, key, 1, "etag", "v1").delivery_id


class Uploads(Sequence[str]):
    """A million uploads, one a second, made when looked at."""

    def __init__(self, first: datetime, count: int) -> None:
        self._first = first
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: int) -> str:  # type: ignore[override]
        millis = int((self._first + timedelta(seconds=at)).timestamp() * 1000)
        return f"{ACME}/aws/{uuid.UUID(int=millis << 80 | 0x7 << 76 | 2 << 62 | at)}/bill.csv"


class Swept:
    """A sweep with its ports in memory."""

    def __init__(self, keys: Sequence[str], modified: datetime | None = None, page: int = PAGE) -> None:
        self.clock = FixedClock(NOW)
        self.versions = FakeVersions(keys, lambda key: modified or NOW - HOUR, page)
        self.queue = FakeQueue()
        self.rows = FakeSweepRows()
        self.sweep = SweepLanding(
            self.versions, self.queue, self.rows, self.clock, SequenceIds(), PAGES, timedelta(minutes=10)
        )

    def run(self) -> list[str]:
        """The keys that one run announced."""
        before = len(self.queue.sent)
        healed = self.sweep(ACME)
        sent = [each.key for each in self.queue.sent[before:]]
        assert healed == len(sent)
        return sent


def test_a_lost_upload_is_announced_and_told_of() -> None:
    key = upload(NOW - HOUR)
    swept = Swept([key])
    assert swept.run() == [key]
    assert swept.queue.sent == [LandedObject(BUCKET, key, 1, "etag", "v1")]
    (word,) = swept.rows.words
    assert word.type == "SweepHealed.v1"
    assert word.data == {"sweep": "landing", "tenant": "acme", "healed": 1, "examples": [key]}


def test_nothing_lost_is_nothing_said() -> None:
    swept = Swept([upload(NOW - HOUR)])
    swept.rows.settled = lambda delivery_id: True
    assert swept.run() == []
    assert swept.rows.words == []


def test_what_just_landed_is_left_to_its_event() -> None:
    key = upload(NOW)
    swept = Swept([key], modified=NOW - timedelta(minutes=9))
    assert swept.run() == []
    swept.clock.advance(timedelta(minutes=2))
    assert swept.run() == [key]


def test_a_delivery_that_was_opened_and_left_is_announced() -> None:
    key = upload(NOW - HOUR)
    swept = Swept([key])
    opened = Delivery(id_of(key), BUCKET, key, "aws", "bill.csv", NOW - timedelta(minutes=5))
    swept.rows.bills.open_delivery(ACME, opened)
    assert swept.run() == []
    swept.clock.advance(timedelta(minutes=6))
    assert swept.run() == [key]


def test_a_part_is_no_work_a_manifest_that_waits_or_is_not_closed_is() -> None:
    keys = [upload(NOW - HOUR - timedelta(seconds=number)) for number in range(4)]
    swept = Swept(sorted(keys))
    kinds = [
        {"kind": DeliveryKind.PART, "waiting": Waiting(NOW, "no manifest")},
        {"kind": DeliveryKind.MANIFEST, "waiting": Waiting(NOW, "files")},
        {"kind": DeliveryKind.MANIFEST, "done": True},
        {"kind": DeliveryKind.MANIFEST, "done": True, "closed": True},
    ]
    for key, kind in zip(keys, kinds, strict=True):
        opened = Delivery(id_of(key), BUCKET, key, "aws", "f", NOW - HOUR, **kind)  # type: ignore[arg-type]
        swept.rows.bills.open_delivery(ACME, opened)
    assert set(swept.run()) == {keys[1], keys[2]}


def test_what_lies_in_quarantine_is_not_announced() -> None:
    swept = Swept(["acme/.quarantine/d1/bill.csv"])
    assert swept.run() == []
    assert swept.rows.landing_state(ACME).watermarks == {}


def test_it_is_announced_at_longer_and_longer_intervals_and_then_no_more() -> None:
    key = upload(NOW - HOUR)
    swept = Swept([key])
    waits = []
    last = NOW
    for _ in range(400):
        if swept.run():
            waits.append(swept.clock.now() - last)
            last = swept.clock.now()
        swept.clock.advance(FIRST_WAIT)
    assert waits == [timedelta(0), *(FIRST_WAIT * 2**n for n in range(MOST_SENDS - 1))]


def test_a_million_settled_uploads_are_never_listed() -> None:
    million = 1_000_000
    uploads = Uploads(NOW - timedelta(seconds=million), million)
    gone = uploads[million - 4_000]  # more than an hour old
    swept = Swept(uploads, modified=NOW - timedelta(days=2))
    swept.rows.settled = lambda delivery_id: delivery_id != id_of(gone)
    swept.rows.landing[ACME] = replace(
        swept.rows.landing_state(ACME),
        watermarks={"aws": upload_floor(ACME, "aws", NOW - 2 * HOUR)},
        version=1,
    )
    assert swept.run() == [gone]
    assert swept.versions.pages <= 2 * PAGES
    assert swept.versions.largest <= PAGE
    assert swept.rows.reads <= 2 * PAGES * PAGE


def test_a_bucket_of_a_million_other_keys_is_walked_through_in_bounded_steps() -> None:
    keys = [f"{ACME}/export/day-{n:07d}.csv" for n in range(20_500)]
    swept = Swept(keys)
    gone = keys[-1]
    swept.rows.settled = lambda delivery_id: delivery_id != id_of(gone)
    runs = 0
    while not swept.run():
        runs += 1
        assert swept.versions.pages <= (runs + 1) * 2 * PAGES
        assert runs < 10
    assert runs == 20_500 // (PAGES * PAGE)
    # Then it begins anew.
    assert swept.rows.landing[ACME].crawl is None


def test_the_watermark_stays_before_what_is_lost_and_before_ids_that_may_still_be_put() -> None:
    done = [upload(NOW - timedelta(hours=hours)) for hours in (5, 4)]
    gone = upload(NOW - 3 * HOUR)
    later = upload(NOW - 2 * HOUR)
    swept = Swept(sorted([*done, gone, later]))
    swept.rows.settled = lambda delivery_id: delivery_id != id_of(gone)
    assert swept.run() == [gone]
    assert swept.rows.landing[ACME].watermarks == {"aws": done[1]}
    fresh = upload(NOW - timedelta(minutes=20))
    swept.versions.keys = sorted([*done, gone, later, fresh])
    swept.rows.settled = lambda delivery_id: True
    swept.run()
    assert swept.rows.landing[ACME].watermarks == {"aws": upload_floor(ACME, "aws", NOW - HOUR)}


def test_every_source_has_its_turn() -> None:
    keys = sorted(upload(NOW - HOUR, f"s{n:02d}") for n in range(12))
    swept = Swept(keys)
    swept.rows.settled = lambda delivery_id: True
    turns = []
    for _ in range(3):
        swept.run()
        turns.append(swept.rows.landing[ACME].last_source)
    assert turns == ["s04", "s09", "s02"]


def test_many_lost_at_once_are_announced_over_several_runs() -> None:
    keys = sorted(f"{ACME}/export/{n:03d}.csv" for n in range(200))
    swept = Swept(keys)
    sent = [swept.run() for _ in range(4)]
    assert [len(each) for each in sent] == [MOST_PER_RUN, MOST_PER_RUN, 20, 0]
    assert sorted(key for each in sent for key in each) == keys


def test_a_run_whose_time_is_up_writes_where_it_was() -> None:
    keys = sorted(f"{ACME}/export/{n:03d}.csv" for n in range(50))
    swept = Swept(keys)
    ticks = iter([False] * 14 + [True] * 100)
    swept.sweep = replace(swept.sweep, time_is_up=lambda: next(ticks))
    first = swept.run()
    assert 0 < len(first) < 50
    swept.sweep = replace(swept.sweep, time_is_up=lambda: False)
    assert sorted([*first, *swept.run()]) == keys


@pytest.mark.parametrize("age", [timedelta(days=31), timedelta(days=400)])
def test_what_landed_long_ago_is_not_looked_for(age: timedelta) -> None:
    swept = Swept([f"{ACME}/export/old.csv"], modified=NOW - age)
    assert swept.run() == []
    assert swept.rows.reads == 0

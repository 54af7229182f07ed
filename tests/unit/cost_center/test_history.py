"""Which published sets stay readable, and letting go of the others."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cost_center.application.expire_sets import ExpireSets
from services.cost_center.domain.history import Publication, kept
from services.cost_center.events import KEPT_WHOLE, kept_moments_near, month_ends
from shared.clock import FixedClock
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_months_whose_end_is_kept() -> None:
    ends = month_ends(NOW)
    assert (len(ends), ends[0], ends[-1]) == (13, day("2025-11-01"), day("2026-11-01"))
    assert month_ends(day("2026-01-01"))[-2:] == [day("2025-12-01"), day("2026-01-01")]


def test_what_reigned_in_90_days_or_at_a_months_end_or_still_reigns_is_kept() -> None:
    bounds = {
        "2025-09-03": False,  # replaced before the first month whose end is kept
        "2025-10-20": True,  # it reigned when October 2025 ended
        "2026-04-02": False,
        "2026-04-03": False,
        "2026-04-29": False,
        "2026-05-01": True,  # published in the very instant in which April ended
        "2026-05-02": True,  # three months ended under it
        "2026-08-22": True,  # replaced 89 days ago
        "2026-08-23": True,  # it reigns
    }
    moments = [day(each) for each in bounds]
    assert kept(moments, NOW) == {day(each) for each, stays in bounds.items() if stays}
    assert kept([], NOW) == set()


@given(
    ages=st.lists(st.integers(0, 600 * 24), unique=True, min_size=1),
    asked=st.integers(0, 600 * 24),
)
def test_every_promised_moment_can_be_answered(ages: list[int], asked: int) -> None:
    sets = sorted(NOW - timedelta(hours=age) for age in ages)
    left = kept(sets, NOW)
    assert sets[-1] in left
    promised = [NOW - timedelta(hours=asked)] if asked <= KEPT_WHOLE / timedelta(hours=1) else []
    for moment in (*month_ends(NOW), *promised, *kept_moments_near(NOW - timedelta(hours=asked), NOW)):
        reigned = [each for each in sets if each <= moment]
        assert not reigned or reigned[-1] in left
    assert kept(sorted(left), NOW) == left, "what is left is not thinned again at the same moment"


def test_the_nearest_kept_moments() -> None:
    assert kept_moments_near(day("2026-06-17"), NOW) == [day("2026-06-01"), day("2026-07-01")]
    assert kept_moments_near(day("2026-08-10"), NOW) == [day("2026-08-01"), NOW - KEPT_WHOLE]
    assert kept_moments_near(day("2024-01-01"), NOW) == [day("2025-11-01")]


class FakeSetRows:
    def __init__(self, sets: Mapping[str, Sequence[datetime]]) -> None:
        self.asked: list[TenantId] = []
        self.sets = {bill: [Publication(at, kept=True) for at in each] for bill, each in sets.items()}

    def publications(self, tenant: TenantId) -> Mapping[str, Sequence[Publication]]:
        return self.sets if tenant == ACME else {}

    def let_go(self, tenant: TenantId, bill_id: str, published_at: datetime) -> None:
        rows = self.sets[bill_id]
        at = [each.at for each in rows].index(published_at)
        assert rows[at].kept
        rows[at] = Publication(published_at, kept=False)

    def ask_maintenance(self, tenant: TenantId, now: datetime) -> None:
        self.asked.append(tenant)

    def bound_snapshots(self, tenant: TenantId) -> Mapping[tuple[str, str], set[int]]:
        return {}


def test_sets_that_are_not_promised_are_let_go_of_once() -> None:
    old = [day("2026-03-02"), day("2026-03-03"), day("2026-03-04")]
    rows = FakeSetRows({"aws.2026-03": old, "aws.2026-04": [day("2026-04-02")]})
    expire = ExpireSets(rows, FixedClock(NOW))
    assert expire(TenantId("globex")) == 0
    assert expire(ACME) == 2
    assert [each.kept for each in rows.sets["aws.2026-03"]] == [False, False, True]
    assert expire(ACME) == 0
    assert rows.asked == [ACME, ACME], "who has nothing published needs no maintenance"


@pytest.mark.parametrize("steps", [0, 1])
def test_a_run_whose_time_is_up_goes_on_in_the_next(steps: int) -> None:
    rows = FakeSetRows({"a.2026-03": [day(f"2026-03-0{n}") for n in range(2, 6)]})
    left = iter([False] * steps + [True] * 9)
    assert ExpireSets(rows, FixedClock(NOW), lambda: next(left))(ACME) == steps
    assert ExpireSets(rows, FixedClock(NOW))(ACME) == 3 - steps

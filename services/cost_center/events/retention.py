"""Which published sets stay readable."""

from datetime import UTC, datetime, timedelta

KEPT_WHOLE = timedelta(days=90)
"""How long every published set stays readable, from the moment when another took its place."""
KEPT_MONTHS = 13
"""Of how many ended months the state at their end stays readable."""


def month_ends(now: datetime) -> list[datetime]:
    """The moments (UTC, oldest first) at which the last KEPT_MONTHS months ended: each the first instant of
    a month."""
    at = now.astimezone(UTC)
    months = at.year * 12 + at.month - 1
    return [
        datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        for number in range(months - KEPT_MONTHS + 1, months + 1)
    ]


def kept_moments_near(moment: datetime, now: datetime) -> list[datetime]:
    """The nearest moments before and after `moment` of which every bill's published set is kept (one or
    two, oldest first): month ends, and the begin of the time of which all is kept."""
    promised = sorted([*month_ends(now), now - KEPT_WHOLE])
    before = [each for each in promised if each <= moment]
    after = [each for each in promised if each > moment]
    return [*before[-1:], *after[:1]]

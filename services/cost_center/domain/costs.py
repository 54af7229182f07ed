"""The cost question (`GET .../costs`), compiled to one SELECT over `charges`. Pure: text in, SQL out.

Names come from a whitelist and values are quoted literals, so that nothing a caller writes is SQL. A currency
is never added to another: BillingCurrency is always a column of the answer.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum

from services.cost_center.domain import charges, tags
from services.cost_center.domain.tables import CHARGES, ColumnType
from shared.errors import BadRequest

MAX_DIMENSIONS = 3
MAX_FILTERS = 50
MAX_LIMIT = 9_999
"""One row more is asked for, to tell whether there are more; the query engine answers at most 10,000."""

_TAG = "tag:"
_JSON = frozenset(
    {"SkuPriceDetails", "AllocatedMethodDetails", "AllocatedTags", "ContractApplied"},
)

DIMENSIONS: tuple[str, ...] = tuple(
    column.name for column in charges.COLUMNS if column.type is ColumnType.STRING and column.name not in _JSON
)
"""What costs can be grouped and filtered by, beside `tag:<key>`."""
_USUAL = ("ServiceName", "ServiceCategory", "SubAccountId", "RegionId", "ChargeCategory", "ResourceId")


class Metric(StrEnum):
    """The costs of FOCUS."""

    EFFECTIVE = "EffectiveCost"
    BILLED = "BilledCost"
    LIST = "ListCost"
    CONTRACTED = "ContractedCost"


class Granularity(StrEnum):
    """monthly is by billing period, as invoices are; daily and hourly are by the start of the charge
    (UTC)."""

    MONTHLY = "monthly"
    DAILY = "daily"
    HOURLY = "hourly"
    TOTAL = "total"


@dataclass(frozen=True)
class CostQuestion:
    """What a caller wants to know, as it was asked. `start` is inclusive and `end` exclusive; `as_of` is the
    moment whose published bills answer."""

    group_by: Sequence[str] = ()
    granularity: Granularity = Granularity.MONTHLY
    metric: Metric = Metric.EFFECTIVE
    filters: Sequence[str] = ()
    start: str | None = None
    end: str | None = None
    order: str | None = None
    limit: int = 100
    as_of: str | None = None


@dataclass(frozen=True)
class CostQuery:
    """The compiled question: its SQL, the columns of an answer in order, which of them is a moment, and as of
    when it is asked."""

    sql: str
    columns: tuple[str, ...]
    moment: str | None
    granularity: Granularity
    limit: int
    as_of: datetime | None = None

    def present(self, value: object) -> object:
        """A moment of the answer as the granularity has it: a date, but for hours."""
        if isinstance(value, str) and self.granularity is not Granularity.HOURLY:
            return value[:10]
        return value


def compile_question(question: CostQuestion) -> CostQuery:
    """The query of a question. Raises BadRequest with a stable code for whatever cannot be asked."""
    dimensions = _dimensions(question.group_by)
    moment = _moment(question.granularity)
    selected = [*([moment] if moment else []), ("BillingCurrency", '"BillingCurrency"'), *dimensions]
    columns = tuple(dict.fromkeys(name for name, _ in selected))
    expressions = dict(selected)
    metric = Metric(question.metric)
    if not 1 <= question.limit <= MAX_LIMIT:
        raise BadRequest(f"limit is 1 to {MAX_LIMIT}", code="INVALID_LIMIT")
    where = [*_range(question), *_conditions(question.filters)]
    lines = [
        "SELECT",
        ",\n".join(
            [
                *(f"  {expressions[name]} AS {_identifier(name)}" for name in columns),
                f"  sum({_identifier(metric)}) AS {_identifier(metric)}",
            ]
        ),
        f"FROM {CHARGES}",
        *(["WHERE " + "\n  AND ".join(where)] if where else []),
        "GROUP BY " + ", ".join(str(at) for at in range(1, len(columns) + 1)),
        "ORDER BY " + _order(question.order, [*columns, metric.value], moment[0] if moment else None, metric),
        f"LIMIT {question.limit + 1}",
    ]
    return CostQuery(
        sql="\n".join(lines),
        columns=(*columns, metric.value),
        moment=moment[0] if moment else None,
        granularity=question.granularity,
        limit=question.limit,
        as_of=_as_of(question.as_of),
    )


def _dimensions(group_by: Sequence[str]) -> list[tuple[str, str]]:
    names = [name for name in group_by if name]
    if len(set(names)) != len(names):
        raise BadRequest("group_by names something twice", code="INVALID_GROUP_BY")
    if len(names) > MAX_DIMENSIONS:
        raise BadRequest(f"group_by takes at most {MAX_DIMENSIONS} dimensions", code="INVALID_GROUP_BY")
    return [(name, _dimension(name)) for name in names]


def _dimension(name: str) -> str:
    """The SQL of a dimension. Raises BadRequest (UNKNOWN_DIMENSION) that names the nearest one."""
    if name.startswith(_TAG) and len(name) > len(_TAG):
        key = tags.normal_key(name.removeprefix(_TAG), tags.FOCUS)
        return f'element_at("Tags", {_literal(key)})'
    if name in DIMENSIONS:
        return _identifier(name)
    raise BadRequest(f"there is no dimension {name!r}{_hint(name)}", code="UNKNOWN_DIMENSION")


def _hint(name: str) -> str:
    """What to ask for instead. Else the nearest dimension without regard to case; where none is near, those
    that are asked for most."""
    if name in list(Metric):
        return f": it is a metric, metric={name}"
    if name in ("BillingPeriodStart", "ChargePeriodStart"):
        return ": granularity groups by time, start and end narrow it down"
    folded = {each.casefold(): each for each in DIMENSIONS}
    nearest = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if nearest:
        return f"; did you mean {folded[nearest[0]]}?"
    return f"; there are {', '.join(_USUAL)}, tag:<key> and other columns of FOCUS"


def _moment(granularity: Granularity) -> tuple[str, str] | None:
    match granularity:
        case Granularity.MONTHLY:
            return "BillingPeriodStart", '"BillingPeriodStart"'
        case Granularity.DAILY:
            return "ChargePeriodStart", "date_trunc('day', \"ChargePeriodStart\")"
        case Granularity.HOURLY:
            return "ChargePeriodStart", "date_trunc('hour', \"ChargePeriodStart\")"
        case Granularity.TOTAL:
            return None


def _whose(condition: str) -> tuple[str, str]:
    """What of a filter's name has a colon of its own, and the rest: `tag:aws:` and `created_by:me`."""
    if not condition.startswith(_TAG):
        return "", condition
    rest = condition.removeprefix(_TAG)
    mark = next((mark for mark, _ in tags.FOCUS if rest.startswith(mark) and rest.count(":") > 1), "")
    return _TAG + mark, rest.removeprefix(mark)


def _conditions(filters: Sequence[str]) -> list[str]:
    """`Name:Value`, repeated: values of one name are alternatives; an empty value means that there is
    none."""
    if len(filters) > MAX_FILTERS:
        raise BadRequest(f"at most {MAX_FILTERS} filters", code="INVALID_FILTER")
    values: dict[str, list[str]] = {}
    for each in filters:
        prefix, rest = _whose(each)
        name, colon, value = rest.partition(":")
        if not colon or not name:
            raise BadRequest(f"a filter is Name:Value, not {each!r}", code="INVALID_FILTER")
        values.setdefault(prefix + name, []).append(value)
    return [_condition(_dimension(name), wanted) for name, wanted in values.items()]


def _condition(dimension: str, values: Sequence[str]) -> str:
    texts = [value for value in dict.fromkeys(values) if value]
    alternatives = []
    if texts:
        alternatives.append(f"{dimension} IN ({', '.join(_literal(text) for text in texts)})")
    if "" in values:
        alternatives.append(f"{dimension} IS NULL")
    return alternatives[0] if len(alternatives) == 1 else f"({' OR '.join(alternatives)})"


def _range(question: CostQuestion) -> list[str]:
    start, end = _instant("start", question.start), _instant("end", question.end)
    if start and end and start >= end:
        raise BadRequest("start must be before end", code="INVALID_RANGE")
    whole_months = all(bound is None or _is_month(bound) for bound in (start, end))
    # Whole months are those of their bills, as invoices are; parts of one can only be told by the charge.
    by_bill = whole_months and question.granularity in (Granularity.MONTHLY, Granularity.TOTAL)
    column = "BillingPeriodStart" if by_bill else "ChargePeriodStart"
    return [
        f"{_identifier(column)} {sign} TIMESTAMP '{bound:%Y-%m-%d %H:%M:%S}'"
        for sign, bound in ((">=", start), ("<", end))
        if bound is not None
    ]


def _is_month(bound: datetime) -> bool:
    return bound.day == 1 and bound.time() == time()


def _instant(name: str, text: str | None, code: str = "INVALID_RANGE") -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"{name} is a date or a time in ISO 8601, not {text!r}", code=code) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _as_of(text: str | None) -> datetime | None:
    moment = _instant("as_of", text, "INVALID_AS_OF")
    return moment and moment.replace(tzinfo=UTC)


def _order(order: str | None, columns: Sequence[str], moment: str | None, metric: Metric) -> str:
    """By what was asked (`-` is descending), then by the other columns, so that pages do not shuffle."""
    wanted = [each for each in (order or "").split(",") if each]
    if not wanted:
        wanted = [*([moment] if moment else []), f"-{metric}"]
    directions: dict[str, str] = {}
    for each in wanted:
        name = each.lstrip("+-")
        if name not in columns:
            raise BadRequest(f"order names {name!r}, which is no column of the answer", code="INVALID_ORDER")
        directions.setdefault(name, "DESC" if each.startswith("-") else "ASC")
    for name in columns:
        directions.setdefault(name, "ASC")
    return ", ".join(
        f"{columns.index(name) + 1} {direction} NULLS LAST" for name, direction in directions.items()
    )


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise BadRequest("a value must not have control characters", code="INVALID_FILTER")
    return "'" + text.replace("'", "''") + "'"

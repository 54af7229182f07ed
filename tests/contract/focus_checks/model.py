"""An interpreter of the specification's requirement model (621 rules as data): it reads and runs it.

A rule holds for the rows that its condition and those of the composites above it select. Null is unknown, as
in SQL: only what is known to be wrong is a failure. Every applicability criterion counts as met. What the
model leaves to knowledge of the provider ("Dynamic") is run where `dynamic` has a check for it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.focus_checks.values import FORMATS, Dataset, Row, is_product, number

Check = Mapping[str, Any]
DynamicCheck = Callable[[Dataset], Iterator[str]]


def value(column: str, wanted: str | None) -> Check:
    return {"CheckFunction": "CheckValue", "ColumnName": column, "Value": wanted}


def not_value(column: str, unwanted: str | None) -> Check:
    return {"CheckFunction": "CheckNotValue", "ColumnName": column, "Value": unwanted}


def both(*items: Check) -> Check:
    return {"CheckFunction": "AND", "Items": list(items)}


def either(*items: Check) -> Check:
    return {"CheckFunction": "OR", "Items": list(items)}


SLIPS: Mapping[str, tuple[str, dict[str, Check]]] = {
    # rule: why the model's own words are not run, and what its text ("MustSatisfy") says instead
    "CommitmentDiscountStatus-C-003-C": (
        "the model demands a status where its text forbids one",
        {"Requirement": value("CommitmentDiscountStatus", None)},
    ),
    "CommitmentDiscountStatus-C-004-C": (
        "the model's condition is the opposite of its text's",
        {"Condition": both(not_value("CommitmentDiscountId", None), value("ChargeCategory", "Usage"))},
    ),
    "CommitmentDiscountStatus-C-005-M": (
        "the model allows Active, Expired and Pending; the specification Used and Unused",
        {
            "Requirement": either(
                value("CommitmentDiscountStatus", "Used"), value("CommitmentDiscountStatus", "Unused")
            )
        },
    ),
    "ConsumedQuantity-C-006-C": (
        "the model's condition is the opposite of its text's",
        {"Condition": not_value("ChargeClass", "Correction")},
    ),
    **dict.fromkeys(
        ("ResourceId-C-006-C", "ResourceType-C-005-C"),
        ("the model names its column CheckCondition", {"Condition": not_value("ResourceId", None)}),
    ),
    "Tags-C-003-C": (
        "the model's condition is the opposite of its text's",
        {"Condition": not_value("Tags", None)},
    ),
    "CommitmentDiscountQuantity-C-010-C": (
        "the model's condition asks for a null ChargeCategory; its text for Purchase",
        {"Condition": value("ChargeCategory", "Purchase")},
    ),
}


@dataclass
class Report:
    """`failures` by rule: up to three examples. `skipped` by rule: why it was not run."""

    executed: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def fail(self, rule: str, example: str) -> None:
        found = self.failures.setdefault(rule, [])
        if len(found) < 3:
            found.append(example)


class Model:
    """The model's MUST and MUST NOT rules."""

    def __init__(self, document: Mapping[str, Any], dynamic: Mapping[str, DynamicCheck]) -> None:
        self._dynamic = dynamic
        self._criteria: dict[str, dict[str, Any]] = {}
        self._must: list[str] = []
        self._kind: dict[str, str] = {}
        for name, rule in document["ModelRules"].items():
            criteria = {**rule["ValidationCriteria"], **SLIPS.get(name, ("", {}))[1]}
            self._criteria[name] = criteria
            self._kind[name] = rule["Type"]
            if rule["Status"] == "Active" and criteria["Keyword"] in ("MUST", "MUST NOT"):
                self._must.append(name)
        self._parents: dict[str, list[str]] = defaultdict(list)
        self._alternatives: set[str] = set()
        for name, criteria in self._criteria.items():
            requirement = criteria["Requirement"]
            for item in requirement.get("Items", ()):
                if item.get("CheckFunction") == "CheckModelRule":
                    self._parents[item["ModelRuleId"]].append(name)
                    own = self._criteria[item["ModelRuleId"]]["Condition"]
                    if requirement["CheckFunction"] == "OR" and not own:
                        self._alternatives.add(item["ModelRuleId"])

    def run(self, dataset: Dataset) -> Report:
        """Every MUST rule that can be run."""
        report = Report()
        for name in self._must:
            if name in self._dynamic:
                report.executed.add(name)
                for example in self._dynamic[name](dataset):
                    report.fail(name, example)
            elif self._kind[name] == "Dynamic":
                report.skipped[name] = "its text is about what the data cannot show"
            elif name in self._alternatives:
                report.executed.add(name)  # one of several: the composite above it is run
            elif reason := self._run(name, dataset, report):
                report.skipped[name] = reason
            else:
                report.executed.add(name)
        return report

    def _run(self, name: str, dataset: Dataset, report: Report) -> str | None:
        requirement = self._criteria[name]["Requirement"]
        match requirement.get("CheckFunction"):
            case None:
                return "the model has no check for it"
            case "AND" if all(i["CheckFunction"] == "CheckModelRule" for i in requirement["Items"]):
                return None  # its parts are rules of their own, under its condition
            case "ColumnPresent":
                if requirement["ColumnName"] not in dataset.columns:
                    report.fail(name, f"there is no column {requirement['ColumnName']}")
                return None
        missing = [column for column in _columns(requirement) if column not in dataset.columns]
        if missing:
            report.fail(name, f"there is no column {missing[0]}")
            return None
        conditions = [check for check in self._conditions(name) if check]
        selected = [
            (at, row)
            for at, row in enumerate(dataset.rows, start=1)
            if all(self._holds(check, row) for check in conditions)
        ]
        if requirement["CheckFunction"] == "CheckDistinctCount":
            _distinct(name, requirement, [row for _, row in selected], report)
            return None
        for at, row in selected:
            if self._holds(requirement, row) is False:
                cells = {column: row[column] for column in _columns(requirement)}
                report.fail(name, f"row {at}: {cells}")
        return None

    def _conditions(self, name: str) -> Iterator[Check]:
        yield self._criteria[name]["Condition"]
        for parent in self._parents.get(name, ()):
            yield from self._conditions(parent)

    def _holds(self, check: Check, row: Row) -> bool | None:
        """True, False, or None where a null leaves it open."""
        if "CheckFunction" not in check:  # written as {"AND": one or several}
            ((function, items),) = check.items()
            check = {"CheckFunction": function, "Items": items if isinstance(items, list) else [items]}
        match check["CheckFunction"]:
            case "AND":
                return _all([self._holds(item, row) for item in check["Items"]])
            case "OR":
                opposite = _all([_not(self._holds(item, row)) for item in check["Items"]])
                return _not(opposite)
            case "CheckModelRule":
                return self._rule_holds(check["ModelRuleId"], row)
            case "CheckValue" if check["Value"] is None:
                return row[check["ColumnName"]] is None
            case "CheckNotValue" if check["Value"] is None:
                return row[check["ColumnName"]] is not None
            case "CheckValue":
                cell = row[check["ColumnName"]]
                return None if cell is None else _equal(cell, check["Value"])
            case "CheckNotValue":
                cell = row[check["ColumnName"]]
                return cell is None or not _equal(cell, check["Value"])
            case "CheckSameValue" | "CheckNotSameValue" as function:
                same = row[check["ColumnAName"]] == row[check["ColumnBName"]]
                if None in (row[check["ColumnAName"]], row[check["ColumnBName"]]):
                    return None
                return same is (function == "CheckSameValue")
            case "CheckGreaterOrEqualThanValue":
                amount = number(row[check["ColumnName"]])
                return None if amount is None else amount >= int(check["Value"])
            case "ColumnByColumnEqualsColumnValue":
                names = (check["ColumnAName"], check["ColumnBName"], check["ResultColumnName"])
                amounts = [amount for name in names if (amount := number(row[name])) is not None]
                return is_product(*amounts) if len(amounts) == len(names) else None
            case function:
                cell = row[check["ColumnName"]]
                return None if cell is None else FORMATS[function](cell)

    def _rule_holds(self, name: str, row: Row) -> bool | None:
        criteria = self._criteria[name]
        condition = criteria["Condition"]
        if condition and self._holds(condition, row) is not True:
            return True
        return self._holds(criteria["Requirement"], row)


def _equal(cell: str, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return cell == wanted
    amount = number(cell)
    return amount is not None and amount == wanted


def _all(found: list[bool | None]) -> bool | None:
    if False in found:
        return False
    return None if None in found else True


def _not(found: bool | None) -> bool | None:
    return None if found is None else not found


def _columns(check: Check) -> list[str]:
    own = [
        check[key] for key in ("ColumnName", "ColumnAName", "ColumnBName", "ResultColumnName") if key in check
    ]
    return [*own, *(column for item in check.get("Items", ()) for column in _columns(item))]


def _distinct(name: str, check: Check, rows: list[Row], report: Report) -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        key, found = row[check["ColumnAName"]], row[check["ColumnBName"]]
        if key is not None:
            groups[key] |= {found} - {None} if found is not None else set()
    for key, values in groups.items():
        if len(values) != check["ExpectedCount"]:
            report.fail(name, f"{check['ColumnAName']} {key}: {sorted(values)}")

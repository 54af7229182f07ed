"""Why a delivery is refused."""

from collections.abc import Iterable, Sequence

from services.cost_center.events import Finding

FINDING_LIMIT = 20
"""How many findings are reported in full; the rest are counted."""


class Rejected(Exception):  # noqa: N818 - an outcome by its name in the domain, not an error
    """The delivered file cannot become a bill. An expected outcome, not a failure of the platform.

    `findings` has at most FINDING_LIMIT entries; `count` is how many there were.
    """

    def __init__(self, findings: Iterable[Finding], count: int | None = None) -> None:
        found = list(findings)
        self.findings: Sequence[Finding] = found[:FINDING_LIMIT]
        self.count = max(count or 0, len(found))
        super().__init__("; ".join(describe(finding) for finding in self.findings[:3]))


def reject(
    message: str, *, file: str = "", column: str | None = None, expected: str | None = None
) -> Rejected:
    """A rejection of a whole file, for one reason."""
    return Rejected([Finding(file=file, column=column, expected=expected, message=message)])


def describe(finding: Finding) -> str:
    """A finding as one line: `bill.csv, row 3, column lineItem/UnblendedCost: expected ..., found 'x'`."""
    place = ", ".join(
        part
        for part in (
            finding.file,
            f"row {finding.row}" if finding.row is not None else "",
            f"column {finding.column}" if finding.column else "",
        )
        if part
    )
    text = finding.message
    if finding.expected is not None and finding.found is not None:
        text = f"{finding.message}: expected {finding.expected}, found {finding.found!r}"
    elif finding.expected is not None:
        text = f"{finding.message}: expected {finding.expected}"
    return f"{place}: {text}" if place else text

"""Reading the files of one delivery, one after the other; what was found adds up here."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from services.cost_center.domain.findings import FINDING_LIMIT, Rejected, reject
from services.cost_center.domain.manifest import Manifest
from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.ports import ByteStream, Converter, Files, SourceTotals, TotalsReader
from services.cost_center.domain.providers.registry import recognise
from services.cost_center.domain.reconciliation import demand_representable
from services.cost_center.domain.tables import (
    GroupKey,
    GroupTotal,
    Layout,
    RawColumn,
    RawStaging,
    SourceFile,
    StagedTable,
)
from services.cost_center.events import Finding
from shared.money import exact_sum, money_text

_MOST_TOLD = 20


@dataclass(frozen=True)
class DeliveredFile:
    """A file as it was delivered, on this machine. `folder` is for what becomes of it, and holds no other's.

    `rows` is what the manifest says of it, if it does.
    """

    name: str
    path: Path
    folder: Path
    rows: int | None = None


class Reading:
    """The files so far: their raw tables by period, the second reader's totals, and what is wrong."""

    def __init__(
        self,
        files: Files,
        converter: Converter,
        totals: TotalsReader,
        source: str,
        manifest: Manifest | None,
    ) -> None:
        self._files = files
        self._converter = converter
        self._totals = totals
        self._source = source
        self._manifest = manifest
        self._layouts: list[Layout] = []
        self._contents: list[str] = []
        self._names: list[str] = []
        self._groups: dict[GroupKey, GroupTotal] = {}
        self._residues: dict[GroupKey, Decimal] = {}
        self._periods: set[str] = set()
        self._findings: list[Finding] = []
        self._count = 0
        self.tables: dict[str, list[StagedTable]] = {}

    @property
    def name(self) -> str:
        """What a finding about all files together is told of."""
        return self._names[0] if len(self._names) == 1 else f"{len(self._names)} files"

    @property
    def told(self) -> tuple[str, ...]:
        more = len(self._names) - _MOST_TOLD
        return tuple(self._names[:_MOST_TOLD]) + ((f"and {more} more files",) if more > 0 else ())

    @property
    def format(self) -> str | None:
        return max((layout.format for layout in self._layouts), default=None)

    @property
    def content(self) -> str:
        """Of one file its own hash: it is the same bill with a manifest and without."""
        if len(self._contents) <= 1:
            return "".join(self._contents)
        return hashlib.sha256("".join(sorted(self._contents)).encode()).hexdigest()

    @property
    def periods(self) -> tuple[str, ...]:
        """The bills that the delivery is about: where a manifest names a period, that one."""
        if self._manifest is not None and self._manifest.period is not None:
            return (self._manifest.period,)
        return tuple(sorted(self._periods))

    def take(self, file: DeliveredFile) -> None:
        """Read one file; what is wrong with it is kept, and the next may be read for what is wrong there."""
        self._names.append(file.name)
        if self._count >= FINDING_LIMIT:
            return
        try:
            self._take(file)
        except Rejected as rejection:
            self._findings += rejection.findings
            self._count += rejection.count

    def _take(self, delivered: DeliveredFile) -> None:
        aside = _Aside(self._files, self._totals)
        file = self._files.unpack(delivered.path, delivered.name, delivered.folder, aside)
        self._contents.append(file.sha256)
        layout = recognise(delivered.name, self._files.headers(file), file.container)
        self._demand_siblings(file, layout)
        self._layouts.append(layout)
        totals = aside.totals or self._totals.source_totals(file, layout)
        self._periods |= set(totals.periods)
        self._demand_promised(delivered, layout, totals)
        staging = self._converter.stage_raw(file, layout, self._source, delivered.folder)
        _demand_rows(file, totals, staging)
        demand_representable(file.name, totals.groups)
        self._add(totals, staging)
        if file.path != delivered.path:
            file.path.unlink(missing_ok=True)

    def _add(self, totals: SourceTotals, staging: RawStaging) -> None:
        for key, total in totals.groups.items():
            known = self._groups.get(key, GroupTotal(Decimal(0), 0))
            amount = exact_sum((known.amount, total.amount))
            self._groups[key] = GroupTotal(amount, known.rows + total.rows)
        for key, residue in staging.residues.items():
            self._residues[key] = exact_sum((self._residues.get(key, Decimal(0)), residue))
        for table in staging.tables:
            self.tables.setdefault(table.billing_period, []).append(table)

    def finish(self) -> Layout:
        """The layout of all files together. Raises Rejected with what was found in any of them."""
        if self._count:
            raise Rejected(self._findings, self._count)
        if not self._layouts:
            raise reject("the delivery has no files")
        demand_representable(self.name, self._groups)
        self._demand_one_currency()
        self._demand_totals()
        columns: dict[str, RawColumn] = {}
        for layout in self._layouts:
            for column in layout.columns:
                columns.setdefault(column.name, column)
        return replace(self._layouts[0], columns=tuple(columns.values()))

    def said(self, period: str) -> tuple[Mapping[GroupKey, GroupTotal], Mapping[GroupKey, Decimal]]:
        """(totals, residues) of one billing period, over all files."""
        return (
            {key: total for key, total in self._groups.items() if key.billing_period == period},
            {key: residue for key, residue in self._residues.items() if key.billing_period == period},
        )

    # --- what must hold ---

    def _demand_siblings(self, file: SourceFile, layout: Layout) -> None:
        if self._layouts and layout.table != self._layouts[0].table:
            raise reject(
                f"the file is of another kind ({layout.format}) than {self._names[0]}",
                file=file.name,
                expected=self._layouts[0].format,
            )

    def _demand_promised(self, file: DeliveredFile, layout: Layout, totals: SourceTotals) -> None:
        found = [*_rows_promised(file, totals)]
        if self._manifest is not None:
            found += _periods_promised(file.name, self._manifest, layout, totals.periods)
            found += _columns_promised(file.name, self._manifest, layout)
        if found:
            raise Rejected(found)

    def _demand_one_currency(self) -> None:
        found = sorted({key.currency for key in self._groups})
        if self._layouts[0].one_currency and len(found) > 1:
            raise reject(
                f"the files are in several currencies: {', '.join(found)}",
                file=self.name,
                expected="one currency",
            )

    def _demand_totals(self) -> None:
        """The manifest's own totals, where it has any."""
        promised = {} if self._manifest is None else self._manifest.totals
        for currency, amount in sorted(promised.items()):
            found = exact_sum(total.amount for key, total in self._groups.items() if key.currency == currency)
            if found != amount:
                raise Rejected(
                    [
                        Finding(
                            file=self.name,
                            column="BilledCost",
                            expected=f"{money_text(amount)} {currency}, as the manifest says",
                            found=f"{money_text(found)} {currency}",
                            message="the files do not add up to their manifest",
                        )
                    ]
                )


class _Aside:
    """The second reader beside the unpacking: a text is read from the disk once for both.

    What stops it is found again by whoever reads the file after it, who says so.
    """

    def __init__(self, files: Files, totals: TotalsReader) -> None:
        self._files = files
        self._totals = totals
        self.totals: SourceTotals | None = None

    def __call__(self, file: SourceFile, text: ByteStream) -> None:
        layout = recognise(file.name, self._files.headers(file), file.container)
        self.totals = self._totals.totals_of(text, layout)


def _rows_promised(file: DeliveredFile, totals: SourceTotals) -> Sequence[Finding]:
    if file.rows is None or file.rows == totals.rows:
        return ()
    return [
        Finding(
            file=file.name,
            expected=f"{file.rows} rows, as the manifest says",
            found=f"{totals.rows} rows",
            message="the file is not what its manifest says",
        )
    ]


def _periods_promised(
    name: str, manifest: Manifest, layout: Layout, periods: Sequence[str]
) -> Sequence[Finding]:
    start = layout.named(layout.money.period_start)
    return [
        Finding(
            file=name,
            column=start.header if start else None,
            expected=f"{manifest.period}, as the manifest says",
            found=period,
            message="a period outside the bill",
        )
        for period in periods
        if manifest.period is not None and period != manifest.period
    ]


def _columns_promised(name: str, manifest: Manifest, layout: Layout) -> Sequence[Finding]:
    have = {athena_name(column.header) for column in layout.columns}
    return [
        Finding(
            file=name,
            column=column,
            expected=f"the column {column}, as the manifest says",
            found="no such column",
            message="the header has not what the manifest says",
        )
        for column in manifest.columns
        if athena_name(column) not in have
    ]


def _demand_rows(file: SourceFile, totals: SourceTotals, staging: RawStaging) -> None:
    staged = sum(table.rows for table in staging.tables)
    if staged != totals.rows:
        raise Rejected(
            [
                Finding(
                    file=file.name,
                    expected=f"{totals.rows} rows",
                    found=f"{staged} rows",
                    message="the two readers do not find the same rows",
                )
            ]
        )

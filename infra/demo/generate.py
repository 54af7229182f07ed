"""A bill, written: month by month, chunk by chunk, with its manifests and its answer key."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from infra.demo import ledger
from infra.demo.answer_key import AnswerKey
from infra.demo.files import Sink, sink
from infra.demo.formats import cur2, focus, legacy
from infra.demo.formats.context import Context, prepared
from infra.demo.free_lines import FreeLines
from infra.demo.layout import SUFFIXES, Layout
from infra.demo.month import MonthEnd
from infra.demo.presets import PRESETS
from infra.demo.spec import BillFormat, Container, Spec, Versioning


@dataclass(frozen=True)
class Order:
    """What to write. `single` is one file of all months, without folders and manifest."""

    preset: str
    spec: Spec
    format: BillFormat = BillFormat.CUR
    container: Container = Container.GZ
    files: int = 1
    single: bool = False
    versioning: Versioning = Versioning.OVERWRITE
    focus_version: focus.Version = focus.Version.V1_2
    prefix: str = "exports"
    report: str = "demo-bill"


@dataclass
class Written:
    """`files` in the order in which they were written; a manifest comes after what it names."""

    files: list[Path] = field(default_factory=list)
    manifests: list[Path] = field(default_factory=list)
    rows: int = 0
    answers: dict[str, Any] = field(default_factory=dict)


def generate(order: Order, folder: Path) -> Written:
    """Writes the bill below the folder. The same order gives the same bytes."""
    world = PRESETS[order.preset].build(order.spec)
    key = AnswerKey(world, order.spec)
    done = Written()
    writer = _Writer(order, folder, done)
    free = FreeLines(world, order.spec)
    for month in order.spec.calendar():
        context = Context(order.spec, world, month)
        for lines in _filled(context, free):
            key.see(lines, month, context.invoices)
            writer.write(context, lines)
        writer.end(context)
    writer.close()
    done.answers = key.answers()
    return done


def _filled(context: Context, free: FreeLines) -> Iterator[pl.DataFrame]:
    """The month's lines, and as many that cost nothing as are missing. No frame is empty."""
    rows = 0
    for lines in truth(context):
        rows += lines.height
        if lines.height:
            yield lines
    more = free.after(context.month, rows)
    if more.height:
        yield more


def truth(context: Context) -> Iterator[pl.DataFrame]:
    """All lines of a month (columns: `ledger.SCHEMA`): metered usage in chunks, then the month's end."""
    end = MonthEnd(context.world, context.spec, context.month)
    seq = 0
    for lines in ledger.usage(context.world, context.spec, context.month):
        end.see(lines)
        seq += lines.height
        yield lines
    yield end.lines(seq)


class _Writer:
    """Lines into the files of the order."""

    def __init__(self, order: Order, folder: Path, done: Written) -> None:
        self._order, self._folder, self._done = order, folder, done
        self._layout = Layout(
            order.format, order.container, order.versioning, order.prefix, order.report, order.focus_version
        )
        self._sinks: list[Sink] = []
        self._names: list[str] = []
        self._schema: dict[str, pl.DataType] = {}

    def _begin(self, context: Context) -> None:
        """A month that has no line is not delivered."""
        if self._order.single:
            self._open([f"{self._order.report}.{SUFFIXES[self._order.container]}"])
        else:
            self._open(self._layout.data_files(context, self._order.files))

    def _open(self, names: list[str]) -> None:
        self._names = names
        paths = [self._folder / name for name in names]
        self._sinks = [sink(path, self._order.container, self._maps()) for path in paths]
        self._done.files += paths

    def _maps(self) -> tuple[str, ...]:
        return {BillFormat.CUR2: cur2.MAPS, BillFormat.FOCUS: focus.MAPS}.get(self._order.format, ())

    def write(self, context: Context, lines: pl.DataFrame) -> None:
        if not self._sinks:
            self._begin(context)
        frame = said(context, self._order, lines)
        self._schema = dict(frame.schema)
        self._done.rows += frame.height
        count = len(self._sinks)
        for at, each in enumerate(self._sinks):
            first, last = frame.height * at // count, frame.height * (at + 1) // count
            each.write(frame[first:last])

    def end(self, context: Context) -> None:
        if self._order.single or not self._sinks:
            return
        self.close()
        text = json.dumps(self._layout.manifest(context, self._names, self._schema), indent=1)
        for name in self._layout.manifests(context):
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
            self._done.manifests.append(path)

    def close(self) -> None:
        for each in self._sinks:
            each.close()
        self._sinks = []


def said(context: Context, order: Order, lines: pl.DataFrame) -> pl.DataFrame:
    """Ledger lines in the order's format."""
    frame = prepared(lines, context)
    athena = order.container is Container.PARQUET
    if order.format is BillFormat.FOCUS:
        columns = focus.columns(context, order.focus_version, athena=athena)
        return focus.lines(frame).select(value.alias(name) for name, value in columns.items())
    said_by = legacy.columns if order.format is BillFormat.CUR else cur2.columns
    return frame.select(value.alias(name) for name, value in said_by(context, athena=athena).items())

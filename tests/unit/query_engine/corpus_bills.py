"""One made-up truth as a bill in each of AWS's formats, read in as an upload is: the tables of the corpus."""

from pathlib import Path

from infra.demo.generate import Order, generate
from infra.demo.spec import BillFormat, Container, Month, Spec
from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.application.prepare import Prepare
from services.cost_center.domain.tables import StagedTable
from services.query_engine.domain.focus import CHARGES
from services.query_engine.domain.tables import Column, FileGroup, Table, union_columns
from services.query_engine.domain.types import canonical_type

SPEC = Spec(
    seed=3, rows=8000, start=Month.parse("2026-08"), months=4, accounts=6, edp_basis_points=900, rare=True
)
"""August to November 2026: the tests' now is 20 November."""


def corpus_tables(folder: Path) -> dict[str, Table]:
    """`cur`, `cur2`, `focus`, and `charges` as the legacy report gives them; a file per month each."""
    raw, charges = {}, {}
    for kind in BillFormat:
        made = generate(Order("enterprise", SPEC, kind, Container.GZ, single=True), folder / kind)
        [file] = made.files
        work = folder / kind / "work"
        work.mkdir()
        prepared = Prepare(LocalFiles(), PolarsConverter(), PlainReader())(file, file.name, "corpus", work)
        assert prepared.rejection is None, prepared.rejection
        raw[kind] = [bill.raw for bill in prepared.bills]
        charges[kind] = [bill.charges for bill in prepared.bills]
    tables = {str(kind): _table(str(kind), staged) for kind, staged in raw.items()}
    return tables | {"charges": _table("charges", charges[BillFormat.CUR], CHARGES)}


def _table(name: str, staged: list[StagedTable], always: tuple[Column, ...] = ()) -> Table:
    groups = tuple(
        FileGroup(
            tuple(str(path) for path in each.paths),
            tuple(Column(column.name, canonical_type(str(column.type.value))) for column in each.columns),
        )
        for each in staged
    )
    columns = union_columns(always, *(group.columns for group in groups))
    return Table(name, columns, groups, rows=sum(each.rows for each in staged), snapshots=(1,))

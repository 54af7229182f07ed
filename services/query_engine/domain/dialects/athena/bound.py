"""The tables of a query as Athena is to read them: per published bill its partition of one snapshot."""

from sqlglot import exp

from services.query_engine.domain.binding import frame_name
from services.query_engine.domain.columns import columns_read
from services.query_engine.domain.errors import unsupported
from services.query_engine.domain.query import Query
from services.query_engine.domain.tables import Column, Table, Version


def bind_versions(statement: exp.Query, query: Query) -> None:
    """Put each base table in front of `statement` as a WITH of the name it has there, in place.

    Raises BadRequest (UNSUPPORTED_SQL) for a table of which no version is known, or whose bills have a column
    in two types.
    """
    read = columns_read(query)
    made = []
    for name, table in sorted(query.tables.items()):
        columns = [each for each in table.columns if each.name.lower() in read[name]]
        alias = exp.TableAlias(this=exp.to_identifier(frame_name(name), quoted=True))
        made.append(exp.CTE(this=_union(table, columns), alias=alias))
    around = statement.args.get("with_")
    statement.set("with_", exp.With(expressions=[*made, *(around.expressions if around else [])]))


def _union(table: Table, columns: list[Column]) -> exp.Query:
    files = set(table.files)
    # Bills whose files were all left out have no row that the query asks for.
    versions = [each for each in table.versions if files.intersection(each.files)]
    if files - {path for each in versions for path in each.files}:
        raise unsupported(f"Athena has no published version of {table.base}")
    if not versions:
        return exp.select(*(_missing(each) for each in columns)).where(exp.false())
    found: exp.Query = _rows(versions[0], columns)
    for each in versions[1:]:
        found = exp.Union(this=found, expression=_rows(each, columns), distinct=False)
    return found


def _rows(version: Version, columns: list[Column]) -> exp.Select:
    held = {each.name.lower(): each.type for each in version.columns}
    outputs = []
    for column in columns:
        lower = column.name.lower()
        if lower not in held:
            outputs.append(_missing(column))
            continue
        if held[lower] != column.type:
            raise unsupported(f"{column.name} is of two types in {version.table}, of which Athena reads one")
        outputs.append(exp.column(exp.to_identifier(lower, quoted=True)))
    table = exp.Table(
        this=exp.to_identifier(version.table.lower(), quoted=True),
        db=exp.to_identifier(version.database, quoted=True),
        version=exp.Version(this="VERSION", kind="AS OF", expression=exp.Literal.number(version.snapshot_id)),
    )
    own = [
        exp.EQ(this=exp.column(exp.to_identifier(name, quoted=True)), expression=exp.Literal.string(value))
        for name, value in version.partition
    ]
    return exp.select(*outputs).from_(table).where(*own)


def _missing(column: Column) -> exp.Expr:
    kind = exp.DataType.build(column.type, dialect="trino")
    alias = exp.to_identifier(column.name.lower(), quoted=True)
    return exp.Alias(this=exp.Cast(this=exp.Null(), to=kind), alias=alias)

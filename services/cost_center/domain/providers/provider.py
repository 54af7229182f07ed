"""What Onyx knows about one format of bills."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.cost_center.domain.charges import ChargeMapping
from services.cost_center.domain.findings import Rejected
from services.cost_center.domain.manifest import ManifestForm
from services.cost_center.domain.naming import unique_names
from services.cost_center.domain.tables import (
    PARTITION_COLUMNS,
    ColumnType,
    Container,
    Layout,
    MoneyColumns,
    RawColumn,
)
from services.cost_center.events import Finding


class Kind(NamedTuple):
    """What a header is: `format` begins the bill's format (`focus-1.2` of `focus-1.2-csv`), `title` is for
    people."""

    format: str
    title: str


@dataclass(frozen=True)
class Provider:
    """One format: its header, its raw table, and the rules that make `charges` of it.

    Names of columns are those of the raw table everywhere but in `kind`, which is given the headers as the
    file has them.
    """

    name: str
    """The name of its package."""
    table: str
    """The raw table, which no other provider has."""
    sign: str
    """Columns by which people know a bill of this format: `the columns of ...`."""
    kind: Callable[[Sequence[str]], Kind | None]
    """What these headers are; None where they are not of this format. Of any header at most one provider may
    say that it is its own. It must not ask for all required columns: a missing one is to be named."""
    column_name: Callable[[str], str]
    """Header to the column's name in the raw table."""
    column_type: Callable[[str], ColumnType]
    """The type of a raw column, whether a file has it or not."""
    required: tuple[tuple[str, bool], ...]
    """Columns that a file must have, and whether each row must have a value there."""
    money: MoneyColumns
    mapping: ChargeMapping
    json_columns: tuple[str, ...] = ()
    """Columns whose text must be a JSON object wherever there is one."""
    json_pairs: tuple[str, ...] = ()
    """Those of `json_columns` that may leave out the braces round their pairs."""
    null_texts: frozenset[str] = frozenset()
    """Texts that mean "no value" beside the empty one."""
    null_numbers: frozenset[str] = frozenset()
    """Texts that mean it where a number belongs."""
    date_formats: tuple[str, ...] = ()
    """How dates are written beside ISO 8601, in strptime's letters."""
    one_currency: bool = False
    """Whether all of a bill is in one currency."""
    manifests: tuple[ManifestForm, ...] = ()
    """How deliveries of several files come; several providers may share a form."""

    def recognise(self, file: str, headers: Sequence[str], container: Container) -> Layout | None:
        """The layout of a file with these headers, or None where it is not of this format.

        Raises Rejected, which names each column, where required columns are missing or there twice.
        """
        kind = self.kind(headers)
        if kind is None:
            return None
        plain = [self.column_name(header) for header in headers]
        required = dict(self.required)
        _demand(file, kind.title, required, plain, headers)
        names = unique_names(plain, reserved=PARTITION_COLUMNS)
        return Layout(
            table=self.table,
            format=f"{kind.format}-{container}",
            columns=tuple(
                RawColumn(header, name, self.column_type(name), required.get(name, False))
                for header, name in zip(headers, names, strict=True)
            ),
            money=self.money,
            json_columns=self.json_columns,
            json_pairs=self.json_pairs,
            null_texts=self.null_texts,
            null_numbers=self.null_numbers,
            date_formats=self.date_formats,
            one_currency=self.one_currency,
        )


def _demand(
    file: str, title: str, required: dict[str, bool], names: Sequence[str], headers: Sequence[str]
) -> None:
    """Each required column once: of two costs or two accounts, none can be said to be the bill's."""
    found = {
        name: [head for head, each in zip(headers, names, strict=True) if each == name] for name in required
    }
    missing = [
        Finding(
            file=file,
            column=name,
            expected=f"the column {name} of {title}",
            found="no such column",
            message=f"the mandatory column {name} is missing",
        )
        for name, heads in found.items()
        if not heads
    ]
    repeated = [
        Finding(
            file=file,
            column=heads[1],
            expected=f"one column {name} of {title}",
            found=f"{len(heads)} columns",
            message=f"the mandatory column {name} is there more than once",
        )
        for name, heads in found.items()
        if len(heads) > 1
    ]
    if missing or repeated:
        raise Rejected([*missing, *repeated])

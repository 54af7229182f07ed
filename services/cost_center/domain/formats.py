"""What a file is, by its header: never by its name."""

from collections.abc import Sequence

from services.cost_center.domain import cur, focus
from services.cost_center.domain.findings import Rejected, reject
from services.cost_center.domain.naming import athena_name, unique_names
from services.cost_center.domain.tables import PARTITION_COLUMNS, Container, Layout, RawColumn
from services.cost_center.events import Finding

_CUR_SIGN = frozenset({"line_item_unblended_cost", "line_item_line_item_type", "bill_payer_account_id"})
_CUR2_SIGN = frozenset({"resource_tags", "product", "cost_category", "discount"})
_FOCUS_SIGN = frozenset({"BilledCost", "ChargeCategory", "BillingAccountId", "ProviderName"})
_ENOUGH = 2
"""How many of a format's telling columns make a file one of it, so that a missing one can be named."""

_PARTITION_KEYS = PARTITION_COLUMNS


def recognise(file: str, headers: Sequence[str], container: Container) -> Layout:
    """The layout of a file with these headers. Raises Rejected for anything but CUR and FOCUS 1.0 to 1.2."""
    plain = [header.strip().lstrip("\ufeff") for header in headers]
    athena = [athena_name(header) for header in plain]
    if len(_FOCUS_SIGN & set(plain)) >= _ENOUGH:
        return _focus(file, plain, container)
    if len(_CUR_SIGN & set(athena)) >= _ENOUGH:
        if len(_CUR2_SIGN & set(athena)) >= _ENOUGH:
            raise reject(
                "the file is an AWS CUR 2.0 export, which is not read yet",
                file=file,
                expected="a legacy AWS CUR or a FOCUS 1.0 to 1.2 export",
            )
        return _cur(file, plain, athena, container)
    raise reject(
        "the header is of no known bill" if any(plain) else "the file has no header",
        file=file,
        expected="the columns of an AWS CUR (lineItem/UnblendedCost, ...) or of FOCUS (BilledCost, ...)",
    )


def _cur(file: str, headers: list[str], athena: list[str], container: Container) -> Layout:
    names = unique_names(athena, reserved=_PARTITION_KEYS)
    required = dict(cur.REQUIRED)
    _demand(file, "AWS CUR", required, athena, headers)
    return Layout(
        table=cur.TABLE,
        format=f"aws-cur-{container}",
        columns=tuple(
            RawColumn(header, name, cur.column_type(name), required.get(name, False))
            for header, name in zip(headers, names, strict=True)
        ),
        money=cur.MONEY,
    )


def _focus(file: str, headers: list[str], container: Container) -> Layout:
    names = unique_names((header or "column" for header in headers), reserved=_PARTITION_KEYS)
    version = focus.version(frozenset(names))
    required = dict(focus.REQUIRED)
    _demand(file, f"FOCUS {version}", required, headers, headers)
    return Layout(
        table=focus.TABLE,
        format=f"focus-{version}-{container}",
        columns=tuple(
            RawColumn(header, name, focus.column_type(name), required.get(name, False))
            for header, name in zip(headers, names, strict=True)
        ),
        money=focus.MONEY,
        null_texts=focus.NULL_TEXTS,
    )


def _demand(
    file: str, kind: str, required: dict[str, bool], names: Sequence[str], headers: Sequence[str]
) -> None:
    """Each required column once: of two costs or two accounts, none can be said to be the bill's."""
    found = {
        name: [head for head, each in zip(headers, names, strict=True) if each == name] for name in required
    }
    missing = [
        Finding(
            file=file,
            column=name,
            expected=f"the column {name} of {kind}",
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
            expected=f"one column {name} of {kind}",
            found=f"{len(heads)} columns",
            message=f"the mandatory column {name} is there more than once",
        )
        for name, heads in found.items()
        if len(heads) > 1
    ]
    if missing or repeated:
        raise Rejected([*missing, *repeated])

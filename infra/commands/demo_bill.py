"""`onyx demo-bill`: a made-up bill of any size, and what a reader of it must find."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.commands.errors import usage
from infra.demo.spec import BillFormat, Container, Granularity, Month, Spec, Versioning

if TYPE_CHECKING:
    from infra.demo.generate import Order

_MOST_FILES = 999


def demo_bill(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the files go.")],
    fmt: Annotated[
        BillFormat, typer.Option("--format", "-f", help="What the bill is written as.")
    ] = BillFormat.CUR,
    container: Annotated[Container, typer.Option("--container", help="What its files are.")] = Container.GZ,
    preset: Annotated[str, typer.Option("--preset", help="startup, enterprise or domo.")] = "startup",
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows",
            min=1,
            help="How many line items all months have together, exactly (domo: 13,000 a month or more).",
        ),
    ] = None,
    months: Annotated[int | None, typer.Option("--months", min=1, max=120)] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="YYYY-MM", help="The first month.")] = None,
    accounts: Annotated[
        int | None, typer.Option("--accounts", min=2, max=2000, help="How many, with the management account.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")] = 1,
    edp: Annotated[
        str | None,
        typer.Option("--edp", metavar="PERCENT", help="An enterprise discount, with its net columns."),
    ] = None,
    granularity: Annotated[
        Granularity, typer.Option("--granularity", help="Lines of days, or of hours as most of AWS's.")
    ] = Granularity.DAILY,
    rare: Annotated[
        bool,
        typer.Option(
            "--rare",
            help="What few bills have: split cost allocation, bundled, partner's and private discounts,"
            " corrections of the month before, credits taken back. For --preset enterprise.",
        ),
    ] = False,
    files: Annotated[int, typer.Option("--files", min=1, max=_MOST_FILES, help="Files of a month.")] = 1,
    single: Annotated[
        bool, typer.Option("--single", help="One file of all months, without AWS's folders and manifest.")
    ] = False,
    versioning: Annotated[
        Versioning, typer.Option("--versioning", help="How AWS is told to deliver a month again.")
    ] = Versioning.OVERWRITE,
    focus_version: Annotated[str, typer.Option("--focus-version", help="1.0, 1.1, 1.2 or 1.3.")] = "1.2",
    report: Annotated[str, typer.Option("--report", help="The name of the report or export.")] = "demo-bill",
    prefix: Annotated[str, typer.Option("--prefix", help="The folder in the bucket.")] = "exports",
    answer_key: Annotated[
        Path | None,
        typer.Option("--answer-key", metavar="FILE", help="Totals, anomalies and waste, as JSON."),
    ] = None,
) -> None:
    """Write a made-up AWS bill as legacy CUR, CUR 2.0 or FOCUS, with its answer key.

    All formats tell the same truth. Prints the paths of what was written.
    """
    # Polars is loaded by this command alone: the others must start fast, and run where it is not installed.
    from infra.demo.formats.focus import Version
    from infra.demo.generate import Order
    from infra.demo.presets import PRESETS

    if preset not in PRESETS:
        raise usage(f"--preset is one of {', '.join(PRESETS)}, not {preset!r}.")
    if focus_version not in list(Version):
        raise usage(f"--focus-version is one of {', '.join(Version)}, not {focus_version!r}.")
    if rare and preset != "enterprise":
        raise usage("--rare goes with --preset enterprise.")
    if single and files > 1:
        raise usage("--single is one file: leave out --files.")
    usual = PRESETS[preset].usual
    spec = Spec(
        seed=seed,
        rows=usual.rows if rows is None else rows,
        start=_month(start) if start else usual.start,
        months=months or usual.months,
        accounts=accounts or usual.accounts,
        edp_basis_points=_basis_points(edp) if edp is not None else usual.edp_basis_points,
        granularity=granularity,
        rare=rare,
    )
    order = Order(
        preset, spec, fmt, container, files, single, versioning, Version(focus_version), prefix, report
    )
    _write(order, output, answer_key)


def _write(order: "Order", output: Path, answer_key: Path | None) -> None:
    from infra.demo.generate import generate

    began = time.monotonic()
    written = generate(order, output)
    for path in (*written.files, *written.manifests):
        typer.echo(str(path))
    if answer_key is not None:
        answer_key.parent.mkdir(parents=True, exist_ok=True)
        answer_key.write_text(json.dumps(written.answers, indent=1) + "\n", encoding="utf-8")
        typer.echo(str(answer_key))
    billed = written.answers["totals"]["total"]["billed"]
    typer.echo(f"onyx: {written.rows} rows, {billed} USD, {time.monotonic() - began:.1f} s", err=True)


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError:
        raise usage(f"--start is a month, YYYY-MM, not {text!r}.") from None


def _basis_points(text: str) -> int:
    whole, _, part = text.partition(".")
    digits = f"{whole}{part:0<2}"
    if not digits.isdecimal() or len(part) > 2 or not 0 <= int(digits) < 10_000:
        raise usage(f"--edp is a percentage below 100 with at most two decimals, not {text!r}.")
    return int(digits)

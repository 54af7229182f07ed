"""`onyx costs`: what was spent, by whatever the bill can be grouped by."""

from typing import Annotated

import typer

from infra.commands import session
from infra.commands.api import Params
from infra.commands.options import DEFAULT_PORT, AsOf, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

MOMENT = {
    "monthly": ["BillingPeriodStart"],
    "daily": ["ChargePeriodStart"],
    "hourly": ["ChargePeriodStart"],
}


def costs(
    tenant: Tenant = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option("--group-by", "-g", help="FOCUS column or tag:KEY; up to 3, repeated or with commas."),
    ] = None,
    granularity: Annotated[str, typer.Option(help="monthly, daily, hourly or total.")] = "monthly",
    metric: Annotated[
        str, typer.Option(help="EffectiveCost, BilledCost, ListCost or ContractedCost.")
    ] = "EffectiveCost",
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help="NAME:VALUE, e.g. RegionId:eu-west-1 or tag:env:prod; the same name twice is an OR.",
        ),
    ] = None,
    start: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option(help="Day after the last, YYYY-MM-DD.")] = None,
    order: Annotated[str | None, typer.Option(help="A column, with - before it: the largest first.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    as_of: AsOf = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Show costs by service, account, tag or any FOCUS column.

    Each currency has rows of its own: currencies are never added up.
    """
    names = [part.strip() for value in group_by or [] for part in value.split(",") if part.strip()]
    moments = (("start", start), ("end", end), ("order", order), ("as_of", as_of))
    params: Params = [
        *([("group_by", ",".join(names))] if names else []),
        ("granularity", granularity),
        ("metric", metric),
        *[("filter", value) for value in filters or []],
        *[(key, value) for key, value in moments if value],
        *([("limit", str(limit))] if limit else []),
    ]
    answer = session.connect(env, port).api(tenant).get("/v1/cost-center/costs", params)
    headings = dict.fromkeys([*MOMENT.get(granularity, ()), "BillingCurrency", *names, metric])
    print_rows(answer["rows"], fmt, columns=None if answer["rows"] else list(headings))
    if answer.get("truncated"):
        typer.echo(f"onyx: there are more than these {len(answer['rows'])} rows: raise --limit.", err=True)

"""Rows as a policy lets them through, told a second time and without the query engine."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from services.query_engine.domain.policies import Match, RowPolicy
from services.query_engine.domain.tables import FileGroup, Table

COST_CENTER_TAG = "team"


def seen(name: str, frame: pl.DataFrame, policy: RowPolicy) -> pl.DataFrame:
    """The rows of `frame`, a file of the table `name`, that `policy` lets through."""
    wanted = [(_accounts(name, frame), policy.sub_accounts)] if policy.sub_accounts else []
    wanted += [(_tag(name, frame, key), values) for key, values in policy.tags]
    if policy.cost_centers:
        wanted.append((_tag(name, frame, COST_CENTER_TAG), policy.cost_centers))
    meets = [[value in values for value in found] for found, values in wanted]
    every = all if policy.match is Match.ALL else any
    return frame.filter(pl.Series([every(row) for row in zip(*meets, strict=True)], dtype=pl.Boolean))


def _accounts(name: str, frame: pl.DataFrame) -> list[str | None]:
    column = "SubAccountId" if name in ("charges", "focus") else "line_item_usage_account_id"
    return frame[column].to_list()


def _tag(name: str, frame: pl.DataFrame, key: str) -> list[str | None]:
    match name:
        case "charges":
            return [(each or {}).get(key) for each in frame["Tags"].to_list()]
        case "focus":
            return [json.loads(each or "{}").get(key) for each in frame["Tags"].to_list()]
        case "cur2":
            return [(each or {}).get(f"user_{key}") for each in frame["resource_tags"].to_list()]
    column = f"resource_tags_user_{key}"
    return frame[column].to_list() if column in frame.columns else [None] * frame.height


def seen_tables(tables: Mapping[str, Table], policy: RowPolicy, folder: Path) -> dict[str, Table]:
    """The same tables over files of only the rows that `policy` lets through."""
    return {name: _seen_table(table, policy, folder) for name, table in tables.items()}


def _seen_table(table: Table, policy: RowPolicy, folder: Path) -> Table:
    groups, rows = [], 0
    for at, group in enumerate(table.groups):
        files = []
        for number, path in enumerate(group.files):
            kept = seen(table.base, pl.read_parquet(path), policy)
            target = folder / f"{table.base}-{at}-{number}.parquet"
            kept.write_parquet(target)
            rows += kept.height
            files.append(str(target))
        groups.append(FileGroup(tuple(files), group.columns))
    return replace(table, groups=tuple(groups), rows=rows)

"""The same order, the same bytes; and however a bill is packed and split, the same rows."""

import hashlib
from pathlib import Path

import polars as pl
import pytest

from infra.demo.money import share, text, units
from infra.demo.spec import BillFormat, Container
from tests.fakes.demo_bills import CSV_CONTAINERS, FORMATS, rows, written


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("container", list(Container))
def test_the_same_order_gives_the_same_bytes(tmp_path: Path, fmt: BillFormat, container: Container) -> None:
    for name in ("a", "b"):
        written(tmp_path / name, format=fmt, container=container, files=2)

    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert len(digests(tmp_path / "a")) == 6  # two files and a manifest in each of two months


def test_another_seed_is_another_bill(tmp_path: Path) -> None:
    one, other = (written(tmp_path / str(seed), seed=seed, single=True) for seed in (1, 2))

    assert one.answers["totals"]["total"] != other.answers["totals"]["total"]
    assert one.files[0].read_bytes() != other.files[0].read_bytes()


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_container_and_every_split_has_the_same_rows(tmp_path: Path, fmt: BillFormat) -> None:
    def all_rows(name: str, **changes: object) -> list[tuple[str, ...]]:
        return sorted(
            tuple(row.values()) for row in rows(written(tmp_path / name, format=fmt, **changes).files)
        )

    single = all_rows("single", single=True)

    assert len(set(single)) == len(single)
    for at, container in enumerate(CSV_CONTAINERS):
        assert all_rows(f"{container}", container=container, files=at + 1) == single


def test_parquet_holds_exact_decimals_timestamps_and_maps(tmp_path: Path) -> None:
    for fmt, column, named in (
        (BillFormat.CUR, "line_item_unblended_cost", "resource_tags_user_team"),
        (BillFormat.CUR2, "line_item_unblended_cost", "resource_tags"),
        (BillFormat.FOCUS, "BilledCost", "Tags"),
    ):
        packed = written(tmp_path / fmt / "parquet", format=fmt, container=Container.PARQUET, files=2)
        plain = written(tmp_path / fmt / "csv", format=fmt, container=Container.CSV)
        frame = pl.concat([pl.read_parquet(file) for file in packed.files])

        assert frame.height == packed.rows == len(rows(plain.files))
        assert frame.schema[column] == pl.Decimal(38, 10)
        assert named in frame.columns
        assert any(kind == pl.Datetime for kind in frame.schema.values())
        assert not any(kind.is_float() for kind in frame.schema.values())


def test_the_rows_asked_for_are_about_the_rows_written(tmp_path: Path) -> None:
    for wanted in (4_000, 20_000):
        assert 0.9 < written(tmp_path / str(wanted), rows=wanted, single=True).rows / wanted < 1.1


def test_ids_of_lines_are_their_own(tmp_path: Path) -> None:
    found = rows(written(tmp_path, single=True).files)

    assert len({row["identity/LineItemId"] for row in found}) == len(found)


@pytest.mark.parametrize("amount", ["0", "1", "-0.0000000001", "123456789012345678901234567890.5", "-12.25"])
def test_amounts_are_exact_both_ways(amount: str) -> None:
    assert text(units(amount)) == amount


def test_an_amount_of_too_many_decimals_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 10 decimals"):
        units("0.00000000001")


@pytest.mark.parametrize(
    ("amount", "part", "expected"),
    [(5, 50, 2), (15, 50, 8), (25, 50, 12), (-5, 50, -2), (7, 50, 4), (-7, 50, -4)],
)
def test_a_share_is_rounded_half_even(amount: int, part: int, expected: int) -> None:
    assert share(amount, part, 100) == expected

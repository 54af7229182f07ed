"""A lake of local files behind s3:// addresses, for what reads it by copies."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from services.query_engine.adapters.lake_reader import Fetched, checksum, unavailable
from services.query_engine.domain.tables import Column, FileGroup, Table


class FolderLake:
    """A reader. What was `put` can be fetched by the tenant (`who`) of its address, as S3 has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fetched: list[str] = []
        self.before: Callable[[], None] = lambda: None

    def put(self, path: str, frame: pl.DataFrame) -> str:
        frame.write_parquet(self._local(path))
        return path

    def fetch(
        self, storage: Mapping[str, str], path: str, target: Path, reserve: Callable[[int], None]
    ) -> Fetched:
        self.before()
        source = self._local(path)
        if not source.exists() or not path.startswith(f"s3://lake/{storage['who']}/"):
            raise unavailable()
        reserve(source.stat().st_size)
        shutil.copyfile(source, target)
        self.fetched.append(path)
        return Fetched(source.stat().st_size, checksum(source))

    def _local(self, path: str) -> Path:
        return self._folder / path.replace("/", "_")


def table(
    columns: tuple[Column, ...], *groups: tuple[tuple[str, ...], tuple[Column, ...]], name: str = "charges"
) -> Table:
    """`columns` over groups of (paths, columns held)."""
    return Table(name, columns, tuple(FileGroup(files, held) for files, held in groups))

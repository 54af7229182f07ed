"""What one query reads: columns in memory, local copies of files, or the lake itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from services.query_engine.adapters.file_cache import too_large
from services.query_engine.adapters.stop import Stop

REMOTE = "s3://"


class LakeFiles:
    """The files of one plan, opened for one tenant. An engine reads through this and nothing else."""

    def __init__(
        self,
        storage: Mapping[str, str],
        local: Mapping[str, Path] | None = None,
        frames: Mapping[str, Sequence[pl.DataFrame]] | None = None,
        stop: Stop | None = None,
    ) -> None:
        """`local`: copies by path; `frames`: by the name of a bound table, one for each group with files."""
        self._storage = storage
        self._local = local or {}
        self._frames = frames
        self.stop = stop or Stop()

    @property
    def in_memory(self) -> bool:
        """Whether every column that the plan reads is in memory."""
        return self._frames is not None

    def frames(self, bound: str) -> Sequence[pl.DataFrame] | None:
        """The columns of a bound table in memory, lower case, map keys among them; None if they are not."""
        return None if self._frames is None else self._frames[bound]

    def local(self, path: str) -> str:
        """Where a copy of `path` lies; a path that is no s3:// URL is itself.

        Raises OnyxError (QUERY_MEMORY) where this machine has no room for copies of the plan's files.
        """
        if not path.startswith(REMOTE):
            return path
        if path not in self._local:
            raise too_large()
        return str(self._local[path])

    def to_scan(self, paths: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """`paths` as Polars can scan them, and what it needs for that: the lake itself without copies."""
        if all(not path.startswith(REMOTE) or path in self._local for path in paths):
            return [self.local(path) for path in paths], {}
        return list(paths), dict(self._storage)

"""DuckDB's databases, in memory: each reads the files that it was opened for and no other.

To open one and to lend it our functions takes 20 ms of processor, more than many a query. So one that a query
has left is kept for the next over the very same files. A query has it to itself, by a connection of its own,
with which the views and macros that were made for it end. One whose query failed is not used again, nor one
of much memory: DuckDB gives back what it has freed when a database is closed.
"""

import resource
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from services.query_engine.adapters.decimal_functions import register_decimals

_Key = tuple[tuple[str, ...], int | None, int | None]
_MOST_GROWN = 64 * 2**20
_PAGE = resource.getpagesize()


@dataclass(frozen=True)
class _Kept:
    """`grown`: by how many bytes the process grew while it was used, another's query beside it included."""

    key: _Key
    database: duckdb.DuckDBPyConnection
    grown: int = 0


class Databases:
    """For many threads."""

    def __init__(self, most: int = 4) -> None:
        """`most` are kept while nobody uses them, those that were used last."""
        self._most = most
        self._lock = threading.Lock()
        self._idle: list[_Kept] = []

    @contextmanager
    def opened(
        self, files: Sequence[str], memory_bytes: int | None = None, threads: int | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that reads `files`, for the time of one query.

        `memory_bytes`: what the query may hold, of itself half of what the process may; `threads`: of itself
        as many as there are cores.
        """
        key = (tuple(sorted(files)), memory_bytes or _share_of_memory(), threads)
        used, before = self._taken(key) or _Kept(key, _database(*key)), _resident()
        try:
            with used.database.cursor() as connection:
                yield connection
        except BaseException:
            used.database.close()
            raise
        self._leave(replace(used, grown=used.grown + max(_resident() - before, 0)))

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.database.close()

    def _taken(self, key: _Key) -> _Kept | None:
        with self._lock:
            for at, each in enumerate(self._idle):
                if each.key == key:
                    return self._idle.pop(at)
        return None

    def _leave(self, used: _Kept) -> None:
        files, *_ = used.key
        # Files lie in a folder of their tenant; without any nothing tells whose it was.
        if not files or used.grown > _MOST_GROWN:
            used.database.close()
            return
        with self._lock:
            self._idle.append(used)
            gone = self._idle[: -self._most]
            del self._idle[: -self._most]
        for each in gone:
            each.database.close()


def _resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say (not Linux)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def _database(
    files: tuple[str, ...], memory_bytes: int | None, threads: int | None
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config=_config(memory_bytes, threads))
    try:
        register_decimals(connection)
        close_doors(connection, files)
    except BaseException:
        connection.close()
        raise
    return connection


def _config(memory_bytes: int | None, threads: int | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        # Names of ours only: a Python variable is no table.
        "python_enable_replacements": False,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
        # Nothing of a tenant is written to a disk: what does not fit fails.
        "temp_directory": "",
    }
    if memory_bytes is not None:
        settings["memory_limit"] = f"{memory_bytes // 2**20}MiB"
    if threads is not None:
        settings["threads"] = threads
    return settings


def _share_of_memory() -> int | None:
    """Half of what the process may hold: what else runs in it needs some, and Polars reads the answer."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if limit == resource.RLIM_INFINITY else limit // 2


def close_doors(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    """Let the database of `connection` read `files` and nothing else, in settings that cannot be changed back
    and that all of its connections have."""
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # Drops a filter on one side of a self join made of a window: rows of others came through.
    connection.execute("SET GLOBAL disabled_optimizers = 'window_self_join'")
    # Nothing of a query's files is held for another's.
    connection.execute("SET GLOBAL enable_external_file_cache = false")
    connection.execute("SET GLOBAL allowed_paths = ?", [list(files)])
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute("SET GLOBAL lock_configuration = true")

"""Faults of pyiceberg's file access (Arrow's own S3 client, where botocore's events do not reach)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pyarrow as pa
from pyiceberg.io.pyarrow import PyArrowFile

from services.cost_center.adapters import lake_files
from tests.fakes.faults import FILES, Faults, Kind


@contextmanager
def faulty_files(faults: Faults) -> Iterator[None]:
    """Files of Iceberg tables fail to open, end short, or fail when they are closed."""
    opens, creates = PyArrowFile.open, lake_files._NewFile.create

    def open_file(self: Any, seekable: bool = True) -> Any:
        struck = faults.strike(f"{FILES}.open")
        if struck is None:
            return opens(self, seekable)
        kind, dice = struck
        if kind is Kind.FILE_CUT:
            with opens(self, seekable) as whole:
                content = whole.read()
            return pa.BufferReader(content[: dice.randrange(len(content))])
        raise OSError(f"When reading {self.location}: AWS Error SLOW_DOWN during GetObject operation")

    def create_file(self: Any, overwrite: bool = False) -> Any:
        struck = faults.strike(f"{FILES}.create")
        if struck is None:
            return creates(self, overwrite)
        if struck[0] is Kind.FILE_LOST:
            return _FailsToClose(creates(self, overwrite))
        raise OSError(f"When writing {self.location}: AWS Error SLOW_DOWN during CreateMultipartUpload")

    with (
        mock.patch.object(PyArrowFile, "open", open_file),
        mock.patch.object(lake_files._NewFile, "create", create_file),
    ):
        yield


class _FailsToClose:
    """Everything is written, and the answer to the last request is lost."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def close(self) -> None:
        self._inner.close()
        raise OSError("AWS Error NETWORK_CONNECTION during CompleteMultipartUpload operation")

    def __enter__(self) -> "_FailsToClose":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

"""Files of the lake as local files."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

_FOLDER = Path(tempfile.gettempdir()) / "onyx-lake"


class LakeFiles:
    """Copies of the lake's files on this machine, fetched with one tenant's credentials."""

    def __init__(self, storage: Mapping[str, str]) -> None:
        self.storage = storage

    def local(self, path: str) -> str:
        """Where a copy of `path` lies; a path that is no s3:// URL is itself."""
        if not path.startswith("s3://"):
            return path
        bucket, _, key = path.removeprefix("s3://").partition("/")
        target = _FOLDER / f"{hashlib.sha256(path.encode()).hexdigest()}.parquet"
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
                self._client().download_fileobj(bucket, key, file)
            Path(file.name).rename(target)
        return str(target)

    def _client(self) -> Any:
        return boto3.client(
            "s3",
            aws_access_key_id=self.storage["aws_access_key_id"],
            aws_secret_access_key=self.storage["aws_secret_access_key"],
            aws_session_token=self.storage["aws_session_token"],
            region_name=self.storage["aws_region"],
            endpoint_url=self.storage.get("aws_endpoint_url"),
        )

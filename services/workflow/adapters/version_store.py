"""Published versions, which never change: `VERSION#<workflow>#<number>`.

Source and ASL are packed; where they are too long for a row they lie in S3, under the tenant's prefix. The
state machine's version is noted once Step Functions has it.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.workflow.adapters.packed_text import pack, unpack
from services.workflow.domain.definition_json import from_document, to_document
from services.workflow.domain.ports import Published
from shared import aws
from shared.clock import iso
from shared.errors import Conflict, NotFound
from shared.table import TenantTable
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ROW_LIMIT = 300_000
"""Characters of text that a row takes; DynamoDB takes 400 KB with all else."""
_KEPT = 200


class VersionStore:
    """One environment's versions. What was read is kept in memory: a warm function reads a version once."""

    def __init__(
        self,
        table: TenantTable,
        bucket: str,
        s3: "S3Client | None" = None,
    ) -> None:
        self._table = table
        self._bucket = bucket
        self._given = s3
        self._kept: OrderedDict[tuple[TenantId, str, int], Published] = OrderedDict()

    def get(self, tenant: TenantId, workflow: str, version: int) -> Published | None:
        key = (tenant, workflow, version)
        if key not in self._kept:
            found = self._read(tenant, workflow, version)
            if found is None or found.machine is None:
                return found
            self._kept[key] = found
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def add(self, tenant: TenantId, published: Published) -> bool:
        texts = {
            "source": pack(published.source),
            "asl": pack(published.asl),
            # Its own definition: the source may mean something else to a later parser, or nothing.
            "definition": pack(json.dumps(to_document(published.definition))),
        }
        row: dict[str, Any] = {
            "workflow": published.workflow,
            "number": published.version,
            "published_by": published.published_by,
            "published_at": iso(published.published_at),
            "content": published.content,
            "machine": published.machine,
            "retired": False,
        }
        if sum(map(len, texts.values())) > _ROW_LIMIT:
            row["location"] = self._keep(tenant, published, texts)
        else:
            row |= texts
        try:
            self._table.put_new(tenant, _key(published.workflow, published.version), row)
        except Conflict:
            return False
        return True

    def ready(self, tenant: TenantId, workflow: str, version: int, machine: str) -> None:
        self._note(tenant, workflow, version, machine=machine, retired=False)

    def retire(self, tenant: TenantId, workflow: str, version: int) -> None:
        self._note(tenant, workflow, version, retired=True)

    def numbers(self, tenant: TenantId, workflow: str) -> Mapping[int, tuple[datetime, str | None]]:
        rows = self._table.query_all(tenant, prefix=f"VERSION#{workflow}#")
        return {
            int(row["number"]): (
                datetime.fromisoformat(row["published_at"]),
                None if row["retired"] else row["machine"],
            )
            for row in rows
        }

    @property
    def _s3(self) -> "S3Client":
        made: S3Client = self._given or aws.client("s3")
        return made

    def _note(self, tenant: TenantId, workflow: str, version: int, **facts: Any) -> None:
        key = _key(workflow, version)
        row = self._table.get(tenant, key)
        if row is None:
            raise NotFound(f"{workflow} has no version {version}")
        counted = int(row.pop("version"))
        self._table.put(tenant, key, {**row, **facts}, expected_version=counted)
        self._kept.pop((tenant, workflow, version), None)

    def _keep(self, tenant: TenantId, published: Published, texts: Mapping[str, str]) -> str:
        # By content: two that publish the same number at once do not overwrite each other's.
        key = f"{tenant}/workflows/{published.workflow}/{published.version}/{published.content}.json"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=json.dumps(texts).encode())
        return key

    def _read(self, tenant: TenantId, workflow: str, version: int) -> Published | None:
        row = self._table.get(tenant, _key(workflow, version))
        if row is None:
            return None
        texts: Mapping[str, str] = row
        if "location" in row:
            texts = json.loads(self._s3.get_object(Bucket=self._bucket, Key=row["location"])["Body"].read())
        source = unpack(texts["source"])
        return Published(
            workflow=workflow,
            version=version,
            source=source,
            definition=from_document(json.loads(unpack(texts["definition"]))),
            asl=unpack(texts["asl"]),
            machine=row["machine"],
            published_by=row["published_by"],
            published_at=datetime.fromisoformat(row["published_at"]),
            content=row["content"],
            retired=row["retired"],
        )


def _key(workflow: str, version: int) -> str:
    return f"VERSION#{workflow}#{version:08d}"

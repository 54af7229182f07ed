"""A query worker without an engine, and what hands it credentials."""

from collections.abc import Mapping
from multiprocessing.connection import Connection

from services.query_engine.adapters import worker
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer
from shared.tenancy import TenantId


class Credentials:
    """Fresh ones, numbered, each time that the last were forgotten."""

    def __init__(self) -> None:
        self.number = 1
        self.tenants: list[TenantId] = []

    def storage_options(self, tenant: TenantId) -> Mapping[str, str]:
        self.tenants.append(tenant)
        return {"tenant": tenant, "number": str(self.number)}

    def forget(self, tenant: TenantId) -> None:
        self.number += 1


def main(channel: Connection, memory_bytes: int) -> None:
    """Answers which credentials it got; the lake is closed to the first, and to tenant "closed" for good."""
    channel.send(worker.READY)
    while True:
        try:
            task: worker.Task = channel.recv()
        except EOFError:
            return
        channel.send(worker.STARTED)
        if task.storage["number"] == "1" or task.storage["tenant"] == "closed":
            channel.send(worker.Failed(errors.LAKE_UNAVAILABLE, "closed"))
        else:
            channel.send(Answer((), task.storage["number"].encode(), 0))

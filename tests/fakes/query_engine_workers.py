"""A query worker without an engine, and what hands it credentials."""

import os
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection

from services.query_engine.adapters import worker
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer
from shared.tenancy import TenantId


class Credentials:
    """Fresh ones, numbered, each time that the last were forgotten."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.tenants: list[TenantId] = []

    def storage_options(self, tenant: TenantId) -> Mapping[str, str]:
        self.tenants.append(tenant)
        return {"tenant": tenant, "number": str(self.number)}

    def forget(self, tenant: TenantId) -> None:
        self.number += 1


def main(channel: Connection, size: worker.Size) -> None:
    """Answers which credentials it got; the lake is closed to the first, and to tenant "closed" for good."""
    channel.send(worker.READY)
    while True:
        try:
            task: worker.Task = channel.recv()
        except EOFError:
            return
        channel.send(worker.Started(task.number))
        closed = task.storage["number"] == "1" or task.storage["tenant"] == "closed"
        channel.send(
            worker.Done(
                task.number,
                worker.Failed(errors.LAKE_UNAVAILABLE, "closed")
                if closed
                else Answer((), task.storage["number"].encode(), 0),
            )
        )


def acting(channel: Connection, size: worker.Size) -> None:
    """A worker that does what a plan's SQL says, and answers with its own process id.

    `answer`; `wait` until a file of that name lies in its folder (also `hang`, which no Cancel ends); `die`,
    and `die once`, which leaves a mark in the folder. It comes up once no `later` lies beside its folder.
    """
    size.folder.mkdir(parents=True, exist_ok=True)
    cancelled: set[int] = set()
    sending = threading.Lock()

    def send(message: object) -> None:
        with sending:
            channel.send(message)

    def serve(task: worker.Task) -> None:
        act, _, name = task.plan.sql.partition(" ")
        mark = size.folder / (name or act)
        while act in ("wait", "hang") and not mark.exists():
            if act == "wait" and task.number in cancelled:
                return send(worker.Done(task.number, worker.Failed(errors.QUERY_TIMEOUT, "cancelled")))
            time.sleep(0.01)
        if act == "die" and not mark.exists():
            if name:
                mark.touch()
            os._exit(1)
        return send(worker.Done(task.number, Answer((), str(os.getpid()).encode(), 0)))

    while (size.folder.parent / "later").exists():
        time.sleep(0.01)
    send(worker.READY)
    while True:
        try:
            message = channel.recv()
        except EOFError:
            return
        match message:
            case worker.Cancel():
                cancelled.add(message.number)
            case worker.Task():
                send(worker.Started(message.number))
                threading.Thread(target=serve, args=(message,), daemon=True).start()

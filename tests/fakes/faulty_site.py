"""The cost center of one account with its real adapters, and everything around it that loses and repeats."""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from unittest import mock

from services.cost_center.adapters.bucket_lists import S3LakeFiles
from services.cost_center.adapters.sweep_store import SweepStore
from services.cost_center.application.ingest import Ingest
from services.cost_center.application.sweep_orphans import SweepOrphans
from services.cost_center.domain.ports import FailPoint, no_failpoint
from services.cost_center.handlers import ingester
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId
from tests.fakes.cost_center_cloud import Cloud
from tests.fakes.faults import Faults
from tests.fakes.faulty_events import Ahead, EventPath
from tests.fakes.faulty_seen import Seen


@dataclass(frozen=True, repr=False)
class Landed:
    """One delivery: what was put, and the event that tells of it."""

    tenant: TenantId
    key: str
    body: bytes
    moment: datetime
    event: Any

    def __repr__(self) -> str:
        return self.key


class Site:
    """Buckets, tables, bus and queue of its own; a worker is rebuilt whenever it died."""

    def __init__(self, faults: Faults) -> None:
        self.cloud = Cloud.create()
        self.faults = faults
        self.lost_races: list[float] = []
        self._clients: dict[str, Any] = {}
        self._worker: Ingest | None = None
        self._racers: list[Ingest] = []
        self.path = EventPath(self.cloud, faults)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service)
        return self._clients[service]

    # --- the ingest ---

    def land(self, tenant: TenantId, key: str, body: bytes, moment: datetime) -> Landed:
        # As through a presigned address: S3 knows no checksum that the reader's SDK could compare.
        with mock.patch.dict(os.environ, {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}):
            event = self.cloud.put(key, body)
        self.faults.moments[event["detail"]["object"]["version-id"]] = moment
        return Landed(tenant, key, body, moment, event)

    def worker(self) -> Ingest:
        made = ingester.build(self.cloud.settings)
        lake: Any = made.lake
        lake._sleep = self.lost_races.append
        return made

    @cached_property
    def seen(self) -> Seen:
        return Seen(self.cloud, self.worker().bills)

    def ingest(
        self, landed: Landed, failpoint: FailPoint = no_failpoint, worker: Ingest | None = None
    ) -> None:
        """Handle the delivery's message as the task does. Raises what the task would try again for."""
        if self._worker is None:
            self._worker = self.worker()
        ready = replace(worker or self._worker, failpoint=failpoint)
        settings = self.cloud.settings
        attempts = ingester.on_record(ready, settings)
        ingester.handle(attempts, settings.landing_bucket)(self.cloud.message(landed.event))

    def died(self) -> None:
        self._worker = None

    def race(self, deliveries: Sequence[Landed]) -> list[Exception | None]:
        """Writers in threads, all of which commit at once; returns how each ended."""
        together = threading.Barrier(len(deliveries))
        ends: list[Exception | None] = [None] * len(deliveries)

        def write(at: int, worker: Ingest) -> None:
            try:
                self.ingest(deliveries[at], _Meeting(together), worker)
            except Exception as error:  # noqa: BLE001 - the caller judges it
                ends[at] = error
            finally:
                together.abort()

        threads = [
            threading.Thread(target=write, args=(at, self._racer(at)), name=f"writer-{at}")
            for at in range(len(deliveries))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ends

    def _racer(self, at: int) -> Ingest:
        """The tasks that race are processes of their own: each has its clients, catalogs and credentials."""
        while len(self._racers) <= at:
            self._racers.append(self.worker())
        return self._racers[at]

    # --- the sweeps ---

    def sweep_orphans(self, tenant: TenantId) -> None:
        settings = self.cloud.settings
        clock = Ahead()
        clock.by = timedelta(days=2)
        SweepOrphans(
            lake=S3LakeFiles(settings.lake_bucket),
            rows=SweepStore(TenantTable(settings.bill_table), Outbox(settings.outbox_table)),
            bucket=settings.lake_bucket,
            clock=clock,
            ids=UuidIds(),
            pages=5,
            safe_age=timedelta(days=1),
        )(tenant)


class _Meeting:
    """A writer's fail point: before its first commit it waits for the others to come to theirs."""

    def __init__(self, together: threading.Barrier) -> None:
        self._together = together
        self._met = False

    def __call__(self, step: str) -> None:
        if step == "raw uploaded" and not self._met:
            self._met = True
            with suppress(threading.BrokenBarrierError):  # another writer came to its end before
                self._together.wait(20)

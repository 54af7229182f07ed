"""From a query's text to the plan that answers it: understood, pruned, bounded, routed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.query_engine.application.kept_plans import KeptPlans
from services.query_engine.domain.explain import (
    Explanation,
    NoResidency,
    Residency,
    explain,
    split_explain,
)
from services.query_engine.domain.facts import FactsSource, FileFacts, NoFacts
from services.query_engine.domain.front_door import read_query
from services.query_engine.domain.joins import require_bounded, shape_of
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.policies import Binding
from services.query_engine.domain.pruning import Scan, prune, tests_of
from services.query_engine.domain.query import reads_clock
from services.query_engine.domain.restricting import restricted, told
from services.query_engine.domain.router import HERE, Routed, pass_on, route
from services.query_engine.domain.routing_rules import ATHENA, Features
from services.query_engine.domain.sources import Earlier
from services.query_engine.domain.tables import Table
from shared.errors import OnyxError
from shared.observability import logger
from shared.tenancy import TenantId


@dataclass(frozen=True)
class Planned:
    """A query that can be run. `explanation` is there where only that was asked for."""

    scan: Scan
    features: Features
    available: tuple[str, ...]
    routed: Routed
    explanation: Explanation | None = None

    @property
    def plan(self) -> Plan:
        return self.routed.plan

    @property
    def notes(self) -> tuple[str, ...]:
        return self.scan.query.notes

    def passed_on(self, error: OnyxError) -> Routed | None:
        """Whom the query goes to, once, whose engine declined while it ran; None where that is nobody."""
        return pass_on(self.scan.query, self.features, self.available, self.routed, error)


@dataclass(frozen=True)
class PlanQuery:
    """`available` are the engines that are configured. With Athena among them a query that reads more than
    `bytes_limit` (compressed bytes of the columns it reads) goes there."""

    facts: FactsSource = field(default_factory=NoFacts)
    available: tuple[str, ...] = HERE
    bytes_limit: int | None = None
    residency: Residency = field(default_factory=NoResidency)
    database_prefix: str = ""
    """Of the tenants' databases: a query may name its tenant's own in front of a table."""
    kept: KeptPlans = field(default_factory=KeptPlans)

    def __call__(
        self,
        tenant: TenantId,
        text: str,
        tables: Mapping[str, Table],
        now: datetime,
        earlier: Earlier | None = None,
        binding: Binding | None = None,
        *,
        keep: bool = False,
    ) -> Planned:
        """The plan of `text` over `tables` of `tenant`; `earlier` are its tables at a moment, and `binding`
        says which of their rows the caller may see. `keep`: the tables are those of now, so the plan may be
        kept, or one that was.

        Raises BadRequest for what is refused, and OnyxError (LAKE_UNAVAILABLE) where the bytes have to be
        known for the limit and cannot be.
        """
        if not keep:
            return self._made(tenant, text, tables, now, earlier, binding)[0]
        found = self.kept.find(tenant, text, binding, tables)
        if found is None:
            found, lasting = self._made(tenant, text, tables, now, earlier, binding)
            if lasting:
                self.kept.keep(tenant, text, binding, tables, found)
        return found

    def _made(
        self,
        tenant: TenantId,
        text: str,
        tables: Mapping[str, Table],
        now: datetime,
        earlier: Earlier | None,
        binding: Binding | None,
    ) -> tuple[Planned, bool]:
        """A fresh plan, and whether it is the same at any other moment over these tables."""
        text, explained = split_explain(text)
        moments: list[datetime] = []

        def at(moment: datetime) -> Mapping[str, Table]:
            moments.append(moment)
            return earlier(moment) if earlier else {}

        query = read_query(
            text, tables, now, earlier=at if earlier else None, databases=self._databases(tenant)
        )
        # What is kept of the past ends one day, and the catalog of now does not tell when.
        lasting = not explained and not moments and not reads_clock(query)
        if binding is not None:
            query = restricted(query, binding)
        tests = tests_of(query)
        limit = self.bytes_limit if ATHENA in self.available else None
        whole = explained or limit is not None
        paths = [
            path
            for name, table in query.tables.items()
            # Of a single file nothing can be left out but all of it.
            if whole or (tests[name] and len(table.files) > 1)
            for path in table.files
        ]
        facts = self._facts(tenant, paths, needed=limit is not None)
        scan = prune(query, facts, tests)
        shape = shape_of(query.statement, _rows(scan))
        require_bounded(shape)
        features = Features(shape, scan.bytes_after, limit)
        routed = route(scan.query, features, self.available)
        explanation = None
        if explained:
            held = self.residency.in_memory(tenant, routed.plan)
            policies = told(binding, query.tables) if binding is not None else {}
            explanation = explain(query.tables, scan, routed, held, policies)
        # What could not be learned of a file now may be known the next time.
        lasting = lasting and all(path in facts for path in paths)
        return Planned(scan, features, self.available, routed, explanation), lasting

    def _databases(self, tenant: TenantId) -> frozenset[str]:
        """A tenant id has no underscore, so no two tenants' databases have one name."""
        return frozenset({tenant.lower(), f"{self.database_prefix}{tenant}".replace("-", "_").lower()})

    def _facts(self, tenant: TenantId, paths: list[str], *, needed: bool) -> Mapping[str, FileFacts]:
        if not paths:
            return {}
        try:
            return self.facts.facts(tenant, paths)
        except OnyxError as error:
            if needed:
                raise
            # Without them more is read than has to be, and the answer is the same.
            logger.warning("no file facts", code=error.code)
            return {}


def _rows(scan: Scan) -> dict[str, int]:
    return {
        name: each.rows_before if each.rows_after is None else each.rows_after
        for name, each in scan.tables.items()
    }

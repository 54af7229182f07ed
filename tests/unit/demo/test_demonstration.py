"""The bill of `onyx demo`, through the use cases that the ingester runs."""

from decimal import Decimal
from pathlib import Path

from infra.demo import demonstration
from services.cost_center.domain.bill import Status
from tests.fakes.cost_center import World


def test_three_months_in_one_file_are_three_bills_with_the_keys_totals(tmp_path: Path) -> None:
    written = demonstration.write(tmp_path / "bill")
    (file,) = written.files
    world = World(tmp_path)

    outcomes = world.deliver(f"acme/{demonstration.SOURCE}/{file.name}", file.read_bytes())
    again = world.deliver(f"acme/{demonstration.SOURCE}/again-{file.name}", file.read_bytes())

    assert [outcome.status for outcome in outcomes] == [Status.INGESTED] * 3
    assert [outcome.status for outcome in again] == [Status.UNCHANGED] * 3
    by_period = written.answers["totals"]["by_period"]
    found = {outcome.bill_id: outcome.totals[0].curated for outcome in outcomes}
    assert found == {
        f"{demonstration.SOURCE}.{period}": Decimal(said["billed"]) for period, said in by_period.items()
    }

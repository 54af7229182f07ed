"""Planted waste: resources that cost and do nothing.

From a bill alone most look like any other; the key knows.
"""

from collections.abc import Iterator
from dataclasses import replace

from infra.demo import fleet
from infra.demo.catalogue import RDS_PRICES
from infra.demo.fleet import Workload, metered, stored
from infra.demo.names import hexadecimal
from infra.demo.world import Meter

GP2_TO_GP3_PERCENT = 20
_ADDRESS = (
    "AmazonVPC",
    "VPC Public IPv4 Address",
    "PublicIPv4:IdleAddress",
    "DescribeAddresses",
    "Hrs",
    "0.005",
)
_STEADY: dict[str, object] = {"noise": 0, "weekend": 1000, "growth": 0}


def planted(work: Workload) -> Iterator[Meter]:
    """One resource of each kind."""
    random = work.random
    yield _of("unattached_ebs_volume", stored(work, fleet.GP3, 400, _ec2(work, "volume/vol"), **_STEADY))
    yield _of("idle_elastic_ip", metered(work, _ADDRESS, 24, _ec2(work, "elastic-ip/eipalloc"), **_STEADY))
    balancer = work.arn("elasticloadbalancing", f"loadbalancer/app/old/{hexadecimal(random, 16)}")
    yield _of("idle_load_balancer", metered(work, fleet.BALANCER, 24, balancer, **_STEADY))
    yield _of("old_ebs_snapshot", stored(work, fleet.SNAPSHOT, 900, _ec2(work, "snapshot/snap"), **_STEADY))
    gp2 = stored(work, fleet.GP2, 500, _ec2(work, "volume/vol"), **_STEADY)
    yield replace(_of("gp2_volume", gp2), saving=GP2_TO_GP3_PERCENT)
    yield _of("idle_nat_gateway", metered(work, fleet.NAT, 24, _ec2(work, "natgateway/nat"), **_STEADY))
    price = RDS_PRICES["db.t3.medium"]
    hours = (
        "AmazonRDS",
        "Database Instance",
        "InstanceUsage:db.t3.medium",
        "CreateDBInstance:0014",
        "Hrs",
        price,
    )
    database = work.arn("rds", f"db:forgotten-{hexadecimal(random, 6)}")
    yield _of(
        "idle_rds_instance", metered(work, hours, 24, database, instance_type="db.t3.medium", **_STEADY)
    )


def _of(kind: str, meter: Meter) -> Meter:
    return replace(meter, waste=kind)


def _ec2(work: Workload, start: str) -> str:
    return work.arn("ec2", f"{start}-{hexadecimal(work.random)}")

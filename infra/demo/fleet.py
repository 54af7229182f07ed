"""The fleet of a company: workloads, each a handful of resources with their meters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from infra.demo.catalogue import CACHE_PRICES, EC2_PRICES, RDS_PRICES, REGIONS
from infra.demo.money import share, units
from infra.demo.names import arn, hexadecimal
from infra.demo.tagging import ENVIRONMENTS, TEAMS, tags
from infra.demo.world import UNTAGGED, Account, Meter

SPOT_PERCENT = 32
GB_PLACES = 3
DAYS_OF_MONTH = 30


@dataclass(frozen=True)
class Workload:
    """Where something runs and whose it is."""

    random: Random
    account: Account
    region: str
    environment: str
    team: str
    app: str

    def meter(
        self, product: str, family: str, usage_type: str, operation: str, unit: str, **more: object
    ) -> Meter:
        name = str(
            more.pop("resource_name", "") or f"{self.app}-{family.partition(' ')[0].lower()}".rstrip("-")
        )
        prefix = REGIONS[self.region].code
        made = Meter(
            account=self.account.id,
            product=product,
            family=family,
            usage_type=f"{prefix}{usage_type}",
            operation=operation,
            unit=unit,
            region=self.region,
            rate=0,
            base=0,
            resource_name=name,
            tags=tags(self.random, name, self.environment, self.team, self.app),
        )
        made = replace(made, **more)  # type: ignore[arg-type]
        # Tags are a resource's: what belongs to none has none.
        return made if made.resource else replace(made, tags=UNTAGGED)

    def arn(self, service: str, resource: str) -> str:
        return arn(service, self.region, self.account.id, resource)


def instance_hours(work: Workload, size: str, *, spot: bool = False, weekend: int = 1000) -> Meter:
    """An EC2 instance that runs round the clock, or five days a week."""
    price = units(EC2_PRICES[size])
    return work.meter(
        "AmazonEC2",
        "Compute Instance",
        f"{'SpotUsage' if spot else 'BoxUsage'}:{size}",
        "RunInstances",
        "Hrs",
        # A spot price has four decimals here, as on demand has.
        rate=share(price, SPOT_PERCENT, 100 * 10**6) * 10**6 if spot else price,
        list_rate=price,
        base=24,
        weekend=weekend,
        resource=f"i-{hexadecimal(work.random)}",
        instance_type=size,
        zone=f"{work.region}{work.random.choice('abc')}",
    )


def metered(
    work: Workload, entry: tuple[str, str, str, str, str, str], base: int, resource: str, **more: object
) -> Meter:
    """Usage of something that varies from day to day; `entry` is product, family, usage type, operation,
    unit, price.
    """
    product, family, usage_type, operation, unit, price = entry
    defaults: dict[str, object] = {"noise": 60, "weekend": 720, "growth": 30}
    return work.meter(
        product, family, usage_type, operation, unit, rate=units(price), base=base, resource=resource,
        **(defaults | more),
    )  # fmt: skip


def stored(
    work: Workload, entry: tuple[str, str, str, str, str, str], gigabytes: int, resource: str, **more: object
) -> Meter:
    """GB-months, a day at a time."""
    steady: dict[str, object] = {"noise": 0, "weekend": 1000, "places": GB_PLACES}
    return metered(work, entry, gigabytes * 10**GB_PLACES // DAYS_OF_MONTH, resource, **(steady | more))


GP3 = ("AmazonEC2", "Storage", "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", "0.08")
GP2 = ("AmazonEC2", "Storage", "EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "GB-Mo", "0.1")
SNAPSHOT = ("AmazonEC2", "Storage Snapshot", "EBS:SnapshotUsage", "CreateSnapshot", "GB-Mo", "0.05")
OUT = ("AmazonEC2", "Data Transfer", "DataTransfer-Out-Bytes", "RunInstances", "GB", "0.09")
BETWEEN = ("AmazonEC2", "Data Transfer", "DataTransfer-Regional-Bytes", "InterZone-In", "GB", "0.01")
S3_STANDARD = ("AmazonS3", "Storage", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", "0.023")
S3_RARE = ("AmazonS3", "Storage", "TimedStorage-SIA-ByteHrs", "StandardIAStorage", "GB-Mo", "0.0125")
S3_PUT = ("AmazonS3", "API Request", "Requests-Tier1", "PutObject", "Requests", "0.000005")
S3_GET = ("AmazonS3", "API Request", "Requests-Tier2", "GetObject", "Requests", "0.0000004")
INVOKE = ("AWSLambda", "Serverless", "Request", "Invoke", "Requests", "0.0000002")
SECONDS = ("AWSLambda", "Serverless", "Lambda-GB-Second", "Invoke", "Second", "0.0000166667")
LOGS = ("AmazonCloudWatch", "Data Payload", "DataProcessing-Bytes", "PutLogEvents", "GB", "0.5")
METRICS = ("AmazonCloudWatch", "Metric", "CW:MetricMonitorUsage", "MetricStorage", "Metrics", "0.3")
QUEUE = ("AWSQueueService", "API Request", "Requests-RBP", "SendMessage", "Requests", "0.0000004")
BALANCER = (
    "AWSELB",
    "Load Balancer-Application",
    "LoadBalancerUsage",
    "LoadBalancing:Application",
    "Hrs",
    "0.0225",
)
BALANCED = (
    "AWSELB",
    "Load Balancer-Application",
    "LCUUsage",
    "LoadBalancing:Application",
    "LCU-Hrs",
    "0.008",
)
NAT = ("AmazonEC2", "NAT Gateway", "NatGateway-Hours", "NatGateway", "Hrs", "0.045")
NAT_BYTES = ("AmazonEC2", "NAT Gateway", "NatGateway-Bytes", "NatGateway", "GB", "0.045")
READS = (
    "AmazonDynamoDB",
    "Amazon DynamoDB PayPerRequest Throughput",
    "ReadRequestUnits",
    "PayPerRequestThroughput",
    "ReadRequestUnits",
    "0.00000025",
)
DATABASE_DISK = (
    "AmazonRDS",
    "Database Storage",
    "RDS:GP3-Storage",
    "CreateDBInstance:0014",
    "GB-Mo",
    "0.115",
)
KEYS = ("awskms", "Encryption Key", "KMS-Requests", "Decrypt", "Requests", "0.000003")
LUMEN = ("5x8kq2d0p7logmonitor", "", "MP:hosts-Units", "Hourly", "Units", "0.031")


def _servers(work: Workload) -> Iterator[Meter]:
    sizes = tuple(size for size in EC2_PRICES if not size.startswith("g5"))
    for at in range(work.random.randint(2, 4)):
        spot = at == 3
        idle = work.random.choice((0, 1000)) if work.environment == "dev" else 1000
        server = instance_hours(work, work.random.choice(sizes), spot=spot, weekend=idle)
        yield server
        disk = work.arn("ec2", f"volume/vol-{hexadecimal(work.random)}")
        yield stored(work, GP3, work.random.choice((50, 100, 200)), disk)
        yield metered(work, BETWEEN, work.random.randint(5, 40), server.resource)
    yield metered(work, OUT, work.random.randint(10, 90), server.resource)


def _bucket(work: Workload) -> Iterator[Meter]:
    name = f"{work.app}-{work.environment}-{hexadecimal(work.random, 6)}"
    yield stored(work, S3_STANDARD, work.random.randint(200, 4000), name, growth=40)
    yield stored(work, S3_RARE, work.random.randint(500, 9000), name, growth=20)
    yield metered(work, S3_PUT, work.random.randint(20_000, 400_000), name)
    yield metered(work, S3_GET, work.random.randint(200_000, 5_000_000), name)


def _functions(work: Workload) -> Iterator[Meter]:
    function = work.arn("lambda", f"function:{work.app}-{work.random.choice(('thumbs', 'events', 'hooks'))}")
    yield metered(work, INVOKE, work.random.randint(50_000, 3_000_000), function)
    yield metered(work, SECONDS, work.random.randint(20_000, 700_000), function)
    group = work.arn("logs", f"log-group:/aws/lambda/{work.app}")
    yield metered(work, LOGS, work.random.randint(2, 30), group)
    yield metered(work, QUEUE, work.random.randint(100_000, 2_000_000), work.arn("sqs", f"{work.app}-jobs"))
    yield metered(
        work, KEYS, work.random.randint(5_000, 90_000), work.arn("kms", f"key/{hexadecimal(work.random)}")
    )


def _front(work: Workload) -> Iterator[Meter]:
    balancer = work.arn("elasticloadbalancing", f"loadbalancer/app/{work.app}/{hexadecimal(work.random, 16)}")
    yield metered(work, BALANCER, 24, balancer, noise=0, weekend=1000, growth=0)
    yield metered(work, BALANCED, work.random.randint(20, 160), balancer)
    gateway = work.arn("ec2", f"natgateway/nat-{hexadecimal(work.random)}")
    yield metered(work, NAT, 24, gateway, noise=0, weekend=1000, growth=0)
    yield metered(work, NAT_BYTES, work.random.randint(20, 200), gateway)


def _database(work: Workload) -> Iterator[Meter]:
    size = work.random.choice(tuple(RDS_PRICES))
    database = work.arn("rds", f"db:{work.app}-{work.environment}")
    hours = (
        "AmazonRDS",
        "Database Instance",
        f"InstanceUsage:{size}",
        "CreateDBInstance:0014",
        "Hrs",
        RDS_PRICES[size],
    )
    yield metered(work, hours, 24, database, noise=0, weekend=1000, growth=0, instance_type=size)
    yield stored(work, DATABASE_DISK, work.random.randint(50, 500), database)
    yield metered(
        work, READS, work.random.randint(100_000, 9_000_000), work.arn("dynamodb", f"table/{work.app}")
    )


def _cache(work: Workload) -> Iterator[Meter]:
    size = work.random.choice(tuple(CACHE_PRICES))
    hours = (
        "AmazonElastiCache",
        "Cache Instance",
        f"NodeUsage:{size}",
        "CreateCacheCluster:0002",
        "Hrs",
        CACHE_PRICES[size],
    )
    node = work.arn("elasticache", f"cluster:{work.app}-{work.environment}")
    yield metered(work, hours, 24, node, noise=0, weekend=1000, growth=0, instance_type=size)
    yield metered(work, METRICS, work.random.randint(1, 9), "", noise=0, weekend=1000)
    yield replace(
        metered(work, LUMEN, 24 * work.random.randint(2, 12), ""), region="", usage_type="MP:hosts-Units"
    )


_PARTS: tuple[Callable[[Workload], Iterator[Meter]], ...] = (
    _servers,
    _bucket,
    _functions,
    _front,
    _database,
    _cache,
)


def workloads(random: Random, accounts: list[Account], regions: tuple[str, ...]) -> Iterator[Workload]:
    """Without end; the accounts take turns."""
    at = 0
    while True:
        team = TEAMS[at % len(TEAMS)]
        environment = random.choice(ENVIRONMENTS)
        region = regions[0] if random.random() < 0.6 else random.choice(regions)
        app = f"{team}-{random.choice(('api', 'web', 'jobs', 'etl', 'edge'))}{at // len(TEAMS) or ''}"
        yield Workload(random, accounts[at % len(accounts)], region, environment, team, app)
        at += 1


def meters(work: Workload) -> Iterator[Meter]:
    for part in _PARTS:
        yield from part(work)

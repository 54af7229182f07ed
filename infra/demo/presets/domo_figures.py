"""What the summary states: instances by type, storage, requests, transfer, and the monthly costs. Its own
figures.

Where it rounds a part ("$235K"), the part is taken so that the parts of a service add up to the
service's total. Its instance counts by type add up to 16,324, and its databases to 445, beside round
totals of 18,000 and 2,606.
"""

from dataclasses import dataclass

from infra.demo.money import ONE
from infra.demo.world import Expectation

_EC2, _RDS, _S3 = "AmazonEC2", "AmazonRDS", "AmazonS3"
_EAST, _TOKYO = "us-east-1", "ap-northeast-1"

COMPUTE: tuple[tuple[str, int, int, int], ...] = (
    ("r7gd.medium", 1171, 8, 681),
    ("r6gd.medium", 1039, 8, 576),
    ("r6a.large", 235, 8, 567),
    ("r7a.medium", 1290, 8, 761),
    ("r6i.large", 1405, 8, 630),
    ("c6gd.medium", 3742, 2, 384),
    ("c7gd.medium", 822, 2, 454),
    ("c6i.large", 94, 2, 425),
    ("m6gd.medium", 5254, 4, 452),
    ("m6a.large", 56, 4, 432),
    ("m7a.medium", 6, 4, 580),
    ("m5.large", 1028, 4, 480),
    ("i4g.large", 100, 4, 772),
    ("i3en.large", 82, 4, 1130),
)
"""Type, instances, vCPUs of one (as the summary counts them), weight of a vCPU-hour (1e-4 USD, list)."""

DATABASES: tuple[tuple[str, int, int], ...] = (
    ("db.r6g.2xlarge", 135, 9000),
    ("db.r6g.xlarge", 85, 4500),
    ("db.r7g.xlarge", 49, 4780),
    ("db.r7g.2xlarge", 47, 9560),
    ("db.r7g.4xlarge", 10, 19120),
    ("db.r6g.8xlarge", 10, 36000),
    ("db.t4g.small", 3, 320),
    ("db.m6g.xlarge", 1, 3180),
    ("db.m5.xlarge", 9, 3560),
    ("db.t3.large", 53, 1450),
    ("db.t3.micro", 17, 180),
    ("db.t3.medium", 11, 720),
    ("db.t3.small", 11, 360),
    ("db.m5.4xlarge", 1, 14240),
    ("db.r5.large", 2, 2500),
    ("db.r5.2xlarge", 1, 10000),
)
"""Class, instances, weight of an hour (1e-4 USD, list)."""


@dataclass(frozen=True)
class Figure:
    """`quantity` units in a month, or each day if `daily`, spread over `resources`; `price` is the list's,
    in USD.
    """

    product: str
    family: str
    usage_type: str
    operation: str
    unit: str
    price: str
    quantity: int
    resource: str = ""
    team: str = ""
    region: str = _EAST
    daily: bool = False
    resources: int = 1


def _s3(usage_type: str, operation: str, price: str, count: int, *, daily: bool = True) -> Figure:
    family, unit = ("API Request", "Requests") if daily else ("Storage", "GB-Mo")
    return Figure(
        _S3, family, usage_type, operation, unit, price, count, "domo-lake", "etl", daily=daily, resources=24
    )


def _hours(
    product: str, family: str, usage_type: str, operation: str, price: str, count: int, name: str
) -> Figure:
    """`count` things that run all day."""
    return Figure(
        product, family, usage_type, operation, "Hrs", price, 24 * count, name, daily=True, resources=count
    )


METERED: tuple[tuple[str, int, tuple[Figure, ...]], ...] = (
    (
        "S3 Standard",
        235_060 * ONE,
        (_s3("TimedStorage-ByteHrs", "StandardStorage", "0.023", 10_718_009, daily=False),),
    ),
    (
        "S3 Infrequent Access",
        336_625 * ONE,
        (_s3("TimedStorage-SIA-ByteHrs", "StandardIAStorage", "0.0125", 28_242_519, daily=False),),
    ),
    (
        "S3 Archive",
        1_040 * ONE,
        (_s3("TimedStorage-GlacierByteHrs", "GlacierStorage", "0.004", 270_549, daily=False),),
    ),
    (
        "S3 API requests",
        17_501 * ONE,
        (
            _s3("Requests-Tier2", "GetObject", "0.0000004", 332_447_939),
            _s3("Requests-Tier1", "HeadObject", "0.0000004", 43_670_125),
            _s3("Requests-Tier1", "DeleteObject", "0.0000004", 6_510),
            _s3("Requests-Tier4", "S3-Transition", "0.00001", 4_348_014),
            _s3("Requests-Tier1", "PutObject", "0.000005", 246_653_666),
        ),
    ),
    (
        "EBS",
        43_253 * ONE,
        (
            Figure(
                _EC2,
                "Storage Snapshot",
                "EBS:SnapshotUsage",
                "CreateSnapshot",
                "GB-Mo",
                "0.05",
                5_916,
                "snap",
                "tundra",
            ),
            Figure(
                _EC2,
                "Storage",
                "EBS:VolumeUsage.gp3",
                "CreateVolume-Gp3",
                "GB-Mo",
                "0.08",
                536_965,
                "vol",
                "tundra",
                resources=33,
            ),
        ),
    ),
    (
        "Internet egress",
        3_575 * ONE,
        (
            Figure(
                "AWSDataTransfer",
                "Data Transfer",
                "DataTransfer-In-Bytes",
                "RunInstances",
                "GB",
                "0",
                166_706,
            ),
            Figure(
                "AWSDataTransfer",
                "Data Transfer",
                "DataTransfer-Out-Bytes",
                "RunInstances",
                "GB",
                "0.09",
                41_463,
            ),
        ),
    ),
    (
        "Direct Connect",
        13_140 * ONE,
        (
            Figure("AWSDirectConnect", "Direct Connect", "DX-In-Bytes", "DirectConnect", "GB", "0", 161),
            Figure("AWSDirectConnect", "Direct Connect", "DX-Out-Bytes", "DirectConnect", "GB", "0.02", 24),
            Figure(
                "AWSDirectConnect",
                "Direct Connect",
                "PortUsage:10G",
                "DirectConnect",
                "Hrs",
                "2.25",
                24,
                "dxcon-tokyo",
                region=_TOKYO,
                daily=True,
            ),
            Figure(
                "AWSDirectConnect",
                "Direct Connect",
                "PortUsage:10G",
                "DirectConnect",
                "Hrs",
                "2.25",
                24,
                "dxcon-east",
                daily=True,
            ),
        ),
    ),
    (
        "Regional transfer",
        3_275 * ONE,
        (
            Figure(
                "AWSDataTransfer",
                "Data Transfer",
                "DataTransfer-Regional-Bytes",
                "InterZone-In",
                "GB",
                "0.01",
                492_185,
            ),
        ),
    ),
    (
        "Load Balancers",
        3_000 * ONE,
        (
            _hours(
                "AWSELB",
                "Load Balancer-Application",
                "LoadBalancerUsage",
                "LoadBalancing:Application",
                "0.0225",
                100,
                "tundra-alb",
            ),
        ),
    ),
    (
        "NAT Gateways",
        23_000 * ONE,
        (
            _hours(_EC2, "NAT Gateway", "NatGateway-Hours", "NatGateway", "0.045", 6, "nat"),
            Figure(
                _EC2,
                "NAT Gateway",
                "NatGateway-Bytes",
                "NatGateway",
                "GB",
                "0.045",
                512_000,
                "nat",
                resources=6,
            ),
        ),
    ),
    (
        "ElastiCache",
        15_000 * ONE,
        (
            _hours(
                "AmazonElastiCache",
                "Cache Instance",
                "NodeUsage:cache.r6g.large",
                "CreateCacheCluster:0002",
                "0.206",
                50,
                "redis",
            ),
        ),
    ),
    (
        "CloudWatch",
        8_000 * ONE,
        (
            Figure("AmazonCloudWatch", "Alarm", "CW:AlarmMonitorUsage", "Unknown", "Alarms", "0.1", 10_000),
            Figure(
                "AmazonCloudWatch",
                "Metric",
                "CW:MetricMonitorUsage",
                "MetricStorage",
                "Metrics",
                "0.3",
                100_000,
            ),
        ),
    ),
    (
        "Lambda",
        5_000 * ONE,
        (
            Figure(
                "AWSLambda",
                "Serverless",
                "Request",
                "Invoke",
                "Requests",
                "0.0000002",
                1_000_000_000,
                "etl",
                "etl",
            ),
            Figure(
                "AWSLambda",
                "Serverless",
                "Lambda-GB-Second",
                "Invoke",
                "Second",
                "0.0000166667",
                288_000_000,
                "etl",
                "etl",
            ),
        ),
    ),
    (
        "EKS",
        10_000 * ONE,
        (
            _hours(
                "AmazonEKS", "Compute", "AmazonEKS-Hours:perCluster", "CreateOperation", "0.1", 10, "cluster"
            ),
        ),
    ),
    (
        "Route53, KMS, Secrets Manager, etc",
        30_000 * ONE,
        (
            Figure("AmazonRoute53", "DNS Query", "DNS-Queries", "A", "Queries", "0.0000004", 9_000_000_000),
            Figure(
                "awskms", "Encryption Key", "KMS-Requests", "Decrypt", "Requests", "0.000003", 2_000_000_000
            ),
            Figure("AWSSecretsManager", "Secret", "AWSSecretsManager-Secrets", "", "Secrets", "0.4", 12_000),
            Figure(
                "AWSQueueService",
                "API Request",
                "Requests-FIFO",
                "SendMessage",
                "Requests",
                "0.0000005",
                100_000_000,
                daily=True,
            ),
            Figure(
                "AmazonKinesis",
                "Kinesis Streams",
                "Storage-ShardHour",
                "shardHourStorage",
                "Hrs",
                "0.015",
                500 * 24,
                "stream",
                "etl",
                daily=True,
            ),
        ),
    ),
)
"""A part's name, its cost in a month, and what it is of."""

TOTALS: tuple[Expectation, ...] = (
    Expectation("EC2 Compute", 2_309_266 * ONE, (_EC2, "ComputeSavingsPlans"), ("Compute Instance", "")),
    Expectation("RDS Database", 243_403 * ONE, (_RDS,)),
    Expectation("S3 Storage", 590_226 * ONE, (_S3,)),
    Expectation("EBS Storage", 43_253 * ONE, (_EC2,), ("Storage", "Storage Snapshot")),
    Expectation("Data Transfer", 19_990 * ONE, ("AWSDataTransfer", "AWSDirectConnect")),
    Expectation("Load Balancers", 3_000 * ONE, ("AWSELB",)),
    Expectation("NAT Gateways", 23_000 * ONE, (_EC2,), ("NAT Gateway",)),
    Expectation("ElastiCache", 15_000 * ONE, ("AmazonElastiCache",)),
    Expectation("CloudWatch", 8_000 * ONE, ("AmazonCloudWatch",)),
    Expectation("Lambda", 5_000 * ONE, ("AWSLambda",)),
    Expectation("EKS", 10_000 * ONE, ("AmazonEKS",)),
    Expectation(
        "Route53, KMS, Secrets Manager, etc",
        30_000 * ONE,
        ("AmazonRoute53", "awskms", "AWSSecretsManager", "AWSQueueService", "AmazonKinesis"),
    ),
)
"""The monthly costs it states, by service; together 3,300,138 USD."""

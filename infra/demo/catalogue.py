"""AWS as far as the bill needs it: services, regions, and what things cost (list prices of us-east-1, or
near).

`category` is the FOCUS 1.2 ServiceCategory, `subcategory` its ServiceSubcategory, by the
specification's list.
"""

from dataclasses import dataclass

AWS = "Amazon Web Services, Inc."


@dataclass(frozen=True)
class Service:
    code: str
    name: str
    category: str
    subcategory: str


SERVICES: dict[str, Service] = {
    code: Service(code, name, category, subcategory)
    for code, name, category, subcategory in (
        ("AmazonEC2", "Amazon Elastic Compute Cloud", "Compute", "Virtual Machines"),
        ("AmazonECS", "Amazon Elastic Container Service", "Compute", "Containers"),
        ("AmazonEKS", "Amazon Elastic Container Service for Kubernetes", "Compute", "Containers"),
        ("AWSLambda", "AWS Lambda", "Compute", "Serverless Compute"),
        ("ComputeSavingsPlans", "Savings Plans for AWS Compute usage", "Compute", "Other (Compute)"),
        ("AmazonRDS", "Amazon Relational Database Service", "Databases", "Relational Databases"),
        ("AmazonDynamoDB", "Amazon DynamoDB", "Databases", "NoSQL Databases"),
        ("AmazonElastiCache", "Amazon ElastiCache", "Databases", "Caching"),
        ("AmazonS3", "Amazon Simple Storage Service", "Storage", "Object Storage"),
        ("AmazonEFS", "Amazon Elastic File System", "Storage", "File Storage"),
        ("AWSELB", "Elastic Load Balancing", "Networking", "Application Networking"),
        ("AmazonVPC", "Amazon Virtual Private Cloud", "Networking", "Other (Networking)"),
        ("AmazonRoute53", "Amazon Route 53", "Networking", "Network Routing"),
        ("AmazonCloudFront", "Amazon CloudFront", "Networking", "Content Delivery"),
        ("AWSDataTransfer", "AWS Data Transfer", "Networking", "Other (Networking)"),
        ("AWSDirectConnect", "AWS Direct Connect", "Networking", "Network Connectivity"),
        ("AmazonCloudWatch", "AmazonCloudWatch", "Management and Governance", "Observability"),
        ("AWSCloudTrail", "AWS CloudTrail", "Management and Governance", "Other (Management and Governance)"),
        ("AWSSupportBusiness", "AWS Support (Business)", "Management and Governance", "Support"),
        ("AWSQueueService", "Amazon Simple Queue Service", "Integration", "Messaging"),
        ("AmazonKinesis", "Amazon Kinesis", "Analytics", "Streaming Analytics"),
        ("awskms", "AWS Key Management Service", "Security", "Other (Security)"),
        ("AWSSecretsManager", "AWS Secrets Manager", "Security", "Secret Management"),
        ("5x8kq2d0p7logmonitor", "Lumen Observability Pro", "Other", "Other (Other)"),
        ("9c1rt4w6b3datacatalog", "Atlas Data Catalog", "Other", "Other (Other)"),
    )
}

MARKETPLACE = {"5x8kq2d0p7logmonitor": "Lumen Metrics LLC", "9c1rt4w6b3datacatalog": "Atlas Data GmbH"}
"""What others sell through AWS Marketplace: product code -> the seller. Both are made up."""


@dataclass(frozen=True)
class Region:
    id: str
    name: str
    code: str
    """How usage types of the region begin; us-east-1 has none."""


REGIONS: dict[str, Region] = {
    region.id: region
    for region in (
        Region("us-east-1", "US East (N. Virginia)", ""),
        Region("eu-west-1", "EU (Ireland)", "EU-"),
        Region("us-west-2", "US West (Oregon)", "USW2-"),
        Region("ap-northeast-1", "Asia Pacific (Tokyo)", "APN1-"),
        Region("eu-central-1", "EU (Frankfurt)", "EUC1-"),
    )
}

EC2_PRICES = {
    "t3.medium": "0.0416",
    "t3.large": "0.0832",
    "m5.large": "0.096",
    "m5.xlarge": "0.192",
    "m6g.large": "0.077",
    "m6g.xlarge": "0.154",
    "c6i.large": "0.085",
    "c6i.2xlarge": "0.34",
    "r6g.xlarge": "0.2016",
    "r6g.2xlarge": "0.4032",
    "g5.12xlarge": "5.672",
}
"""USD per hour, Linux, on demand."""

RDS_PRICES = {"db.t3.medium": "0.072", "db.m6g.large": "0.159", "db.r6g.xlarge": "0.45"}
"""USD per hour, PostgreSQL, single zone, on demand."""

CACHE_PRICES = {"cache.t4g.medium": "0.065", "cache.r6g.large": "0.206"}
"""USD per node and hour, Redis, on demand."""

PLAN_SHARE = 66
"""A savings plan's price of an hour, in percent of on demand (1 year, no upfront)."""

LEASE_SHARE = 62
"""A reservation's price of an hour, in percent of on demand (1 year)."""

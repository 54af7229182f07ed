"""A domain's DynamoDB table, and grants that name tables and indexes one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import CfnOutput
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.foundation import Foundation

GET = ("GetItem",)
LIST = ("Query",)
READ = (*GET, *LIST)
WRITE = ("PutItem",)
"""Rows are replaced as a whole, under a condition on what was read."""
DELETE = ("DeleteItem",)
APPEND = ("PutItem",)
"""What writing an outbox takes: a row is put in the transaction of its state change."""
PUBLISH = ("BatchWriteItem",)
"""What a relay does with what its index shows it: confirms it a batch at a time."""
CONSUME = ("GetItem", "UpdateItem", "DeleteItem")
"""What a consumer does with its inbox: claims, completes or gives back an event, and records failures."""
NOTE = ("UpdateItem",)
"""What a consumer that claims nothing does with it, and a poller: records failures."""
COUNT = ("UpdateItem",)
"""A number that many add to at once."""
_WRITING = frozenset((*WRITE, *DELETE, *NOTE, *PUBLISH, *COUNT))


@dataclass(frozen=True)
class Index:
    """A global secondary index over two string attributes; items without them are not in it.

    No role may query one that is `for_operators`: they read it with their own rights.
    """

    name: str
    partition_key: str
    sort_key: str
    for_operators: bool = False


class DomainTable(Construct):
    """Keys `pk` and `sk` (strings), time to live in `ttl`, point-in-time recovery, the platform's key.

    `stream` makes new images readable by a relay. The table's name is an output of the stack, `<id>Table`
    (so `id` is given without the word).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        stream: bool = False,
        indexes: Sequence[Index] = (),
    ) -> None:
        super().__init__(scope, f"{id}Table")
        self._foundation = foundation
        self._indexes = tuple(indexes)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=_string("pk"),
            sort_key=_string("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="ttl",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=foundation.key,
            stream=dynamodb.StreamViewType.NEW_IMAGE if stream else None,
            deletion_protection=foundation.environment.deletion_protection,
            removal_policy=foundation.removal_policy,
        )
        for index in self._indexes:
            self.table.add_global_secondary_index(
                index_name=index.name,
                partition_key=_string(index.partition_key),
                sort_key=_string(index.sort_key),
            )
        CfnOutput(self, "Name", value=self.table.table_name).override_logical_id(f"{id}Table")

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.table_name

    def allow(self, role: iam.IRole, *actions: str) -> None:
        """Lets `role` do these DynamoDB actions on the table itself (see the constants above; never a scan).

        Reading takes the right to decrypt with the platform's key, writing to encrypt as well.
        """
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{action}" for action in actions], resources=[self.table.table_arn]
            )
        )
        if _WRITING.intersection(actions):
            self._foundation.allow_encrypt(role)
        else:
            self._foundation.allow_decrypt(role)

    def allow_indexes(self, role: iam.IRole) -> None:
        """Lets `role` query the table's indexes, each named."""
        resources = [
            f"{self.table.table_arn}/index/{index.name}" for index in self._indexes if not index.for_operators
        ]
        role.add_to_principal_policy(iam.PolicyStatement(actions=["dynamodb:Query"], resources=resources))
        self._foundation.allow_decrypt(role)


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def outbox_index() -> Index:
    """The sparse index over outbox rows that were not yet confirmed."""
    return Index("by_pending", partition_key="pending", sort_key="created_at")


def open_index() -> Index:
    """The sparse index over runs and approvals that have not ended, for the job that looks after them."""
    return Index("by_open", partition_key="open", sort_key="opened_at")


def time_index() -> Index:
    """Every outbox row of a tenant in the order of time, for `onyx events tail`: event ids have none."""
    return Index("by_time", partition_key="pk", sort_key="created_at", for_operators=True)


def names(tables: Mapping[str, DomainTable]) -> dict[str, str]:
    """Environment variables that tell a function its tables: variable -> the table's name."""
    return {variable: table.name for variable, table in tables.items()}

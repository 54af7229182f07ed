"""DynamoDB transactions: all of the items or none, and an error that names the one that refused."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import aws
from shared.errors import Conflict, OnyxError, Unavailable, VersionConflict
from shared.ids import deterministic_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_ITEMS = 100
_THROTTLED = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})


def transact(
    client: "DynamoDBClient | None", items: "Sequence[TransactWriteItemTypeDef]", *, token: str | None = None
) -> None:
    """Write all `items` (1 to 100) or none; `token` makes a repetition within ten minutes one transaction.

    Raises VersionConflict when an item's version moved or another transaction holds it, Conflict when a row
    exists that must not (or the reverse), Unavailable when throttled. The detail names the item.
    """
    if not 1 <= len(items) <= MAX_ITEMS:
        raise ValueError(f"a transaction has 1 to {MAX_ITEMS} items, not {len(items)}")
    request: dict[str, Any] = {"TransactItems": list(items)}
    if token is not None:
        request["ClientRequestToken"] = deterministic_id(token)
    try:
        (client or aws.dynamodb()).transact_write_items(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "TransactionCanceledException":
            refusal = _refusal([dict(each) for each in error.response.get("CancellationReasons", [])], items)
            if refusal is not None:
                raise refusal from error
        if code == "TransactionInProgressException":
            raise VersionConflict("the same transaction is under way") from error
        if code == "IdempotentParameterMismatchException":
            raise Conflict("another transaction used this token", code="TOKEN_REUSED") from error
        raise


def _refusal(
    reasons: Sequence[dict[str, Any]], items: "Sequence[TransactWriteItemTypeDef]"
) -> OnyxError | None:
    for reason, item in zip(reasons, items, strict=False):
        code = reason.get("Code", "None")
        if code == "None":
            continue
        name, versioned = _described(item)
        if code == "ConditionalCheckFailed":
            if versioned:
                return VersionConflict(f"{name} was changed by somebody else")
            return Conflict(f"{name} is not in the state that this needs")
        if code == "TransactionConflict":
            return VersionConflict(f"{name} is being changed by somebody else")
        if code in _THROTTLED:
            return Unavailable(f"{name}: too many requests at the moment", retry_after=1)
    return None


def _described(item: "TransactWriteItemTypeDef") -> tuple[str, bool]:
    """The item's table and sort key, and whether its condition is about the version."""
    (_, request), *_ = item.items()
    parts: dict[str, Any] = dict(request)  # type: ignore[call-overload]
    key = parts.get("Key") or parts["Item"]
    name = f"{parts['TableName']} {key['sk']['S']}" if "sk" in key else str(parts["TableName"])
    return name, ":expected_version" in parts.get("ConditionExpression", "")

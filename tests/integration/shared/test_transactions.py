from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.errors import Conflict, Unavailable, VersionConflict
from shared.table import TenantTable, transact
from shared.tenancy import TenantId
from tests.fakes.tables import create_table

ACME = TenantId("acme")


@pytest.fixture
def table(dynamodb: Any) -> TenantTable:
    create_table(dynamodb, "bills")
    return TenantTable("bills", dynamodb)


def test_all_parts_are_written_together(table: TenantTable) -> None:
    table.put_new(ACME, "a", {"n": 1, "old": True})
    table.put_new(ACME, "gone", {})
    table.put_new(ACME, "there", {})
    transact(
        table.client,
        [
            table.tx_update(ACME, "a", {"n": 2}, expected_version=1, remove=["old"]),
            table.tx_put(ACME, "b", {"n": 3}),
            table.tx_delete(ACME, "gone", expected_version=1),
            table.tx_delete(ACME, "never there"),
            table.tx_check(ACME, "there"),
            table.tx_check(ACME, "absent", absent=True),
        ],
    )
    assert table.get(ACME, "a") == {"n": 2, "version": 2}
    assert table.get(ACME, "b") == {"n": 3, "version": 1}
    assert table.get(ACME, "gone") is None


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (lambda t: t.tx_put(ACME, "a", {}), Conflict),
        (lambda t: t.tx_put(ACME, "a", {}, expected_version=7), VersionConflict),
        (lambda t: t.tx_update(ACME, "gone", {"n": 1}), Conflict),
        (lambda t: t.tx_update(ACME, "a", {"n": 1}, expected_version=7), VersionConflict),
        (lambda t: t.tx_delete(ACME, "a", expected_version=7), VersionConflict),
        (lambda t: t.tx_check(ACME, "gone"), Conflict),
        (lambda t: t.tx_check(ACME, "a", absent=True), Conflict),
        (lambda t: t.tx_check(ACME, "a", expected_version=7), VersionConflict),
    ],
)
def test_one_refusal_stops_all_and_is_named(table: TenantTable, refused: Any, error: type[Conflict]) -> None:
    table.put_new(ACME, "a", {"n": 1})
    with pytest.raises(Conflict) as caught:
        transact(table.client, [table.tx_put(ACME, "b", {}), refused(table)])
    assert type(caught.value) is error
    sk = next(iter(refused(table).values())).get("Key", {"sk": {"S": "a"}})["sk"]["S"]
    assert f"bills {sk}" in caught.value.detail
    assert table.get(ACME, "b") is None
    assert table.get(ACME, "a") == {"n": 1, "version": 1}


class Recording:
    """Keeps the requests: moto does not look at the token."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def transact_write_items(self, **request: Any) -> None:
        self.requests.append(request)


def test_a_token_of_any_length_is_sent_as_one_that_dynamodb_takes() -> None:
    client: Any = Recording()
    items = [TenantTable("bills", client).tx_put(ACME, "a", {"n": 1})]
    for token in ("delivery/" + "x" * 60, "delivery/" + "x" * 60, "delivery/" + "x" * 61):
        transact(client, items, token=token)
    transact(client, items)
    one, same, other = (each["ClientRequestToken"] for each in client.requests[:3])
    assert one == same != other
    assert len(one) <= 36
    assert "ClientRequestToken" not in client.requests[3]


def test_sizes(table: TenantTable) -> None:
    for count in (0, 101):
        with pytest.raises(ValueError, match="1 to 100"):
            transact(table.client, [table.tx_check(ACME, str(n)) for n in range(1, count + 1)])


class Refusing:
    """Answers as DynamoDB does in states that moto does not reach."""

    def __init__(self, code: str, *reasons: str) -> None:
        self.answer: Any = {
            "Error": {"Code": code, "Message": "no"},
            "CancellationReasons": [{"Code": each} for each in reasons],
        }

    def transact_write_items(self, **request: Any) -> None:
        raise ClientError(self.answer, "TransactWriteItems")


@pytest.mark.parametrize(
    ("client", "error"),
    [
        (Refusing("TransactionCanceledException", "None", "TransactionConflict"), VersionConflict),
        (Refusing("TransactionCanceledException", "ThrottlingError", "None"), Unavailable),
        (Refusing("TransactionCanceledException", "None", "ProvisionedThroughputExceeded"), Unavailable),
        (Refusing("TransactionInProgressException"), VersionConflict),
        (Refusing("IdempotentParameterMismatchException"), Conflict),
        (Refusing("TransactionCanceledException", "ValidationError", "None"), ClientError),
        (Refusing("AccessDeniedException"), ClientError),
    ],
)
def test_every_refusal_has_its_error(client: Any, error: type[Exception]) -> None:
    table = TenantTable("bills", client)
    with pytest.raises(error):
        transact(client, [table.tx_put(ACME, "a", {}), table.tx_put(ACME, "b", {})])

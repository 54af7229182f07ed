from datetime import timedelta

import pytest

from services.cost_center.domain.gathering import versions_of
from services.cost_center.domain.landing import (
    LandedObject,
    Seen,
    bill_id,
    order_of,
    parse_key,
    unreadable_bill_id,
    upload_key,
)
from services.cost_center.handlers.object_created import object_created
from shared.errors import BadRequest, PoisonMessage
from tests.fakes.cost_center import ACME, NOW

EVENT = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {
        "bucket": {"name": "landing"},
        "object": {"key": "acme/aws/a b+ü.csv", "size": 5, "etag": '"abc"', "version-id": "v1"},
    },
}


def test_a_key_names_tenant_source_and_file() -> None:
    place = parse_key("acme/aws-prod/2026/09/bill 1.csv")

    assert (place.tenant, place.source, place.filename, place.problem) == (
        "acme",
        "aws-prod",
        "bill 1.csv",
        None,
    )


@pytest.mark.parametrize(
    "key", ["acme/bill.csv", "acme/", "acme//bill.csv", "acme/AWS/bill.csv", "acme/a_b/c"]
)
def test_a_key_without_a_good_source_is_a_problem_of_a_known_tenant(key: str) -> None:
    place = parse_key(key)

    assert (place.tenant, place.source) == ("acme", "unknown")
    assert place.problem


@pytest.mark.parametrize("key", ["", "/", "A/aws/b", "../acme/b", "a/b/c", "acme%2Faws/b", "unknown/aws/b"])
def test_a_key_without_a_tenant_is_poison(key: str) -> None:
    with pytest.raises(PoisonMessage):
        parse_key(key)


def test_ids_of_bills() -> None:
    assert bill_id("aws", "2026-09") == "aws.2026-09"
    assert unreadable_bill_id("aws", "0123456789abcdef") == "aws.unreadable-0123456789ab"
    with pytest.raises(ValueError, match="billing period"):
        bill_id("aws", "2026-13")


def test_a_delivery_is_one_version_of_one_object() -> None:
    one = LandedObject("b", "k", 1, "etag", "v1")

    assert one.delivery_id == LandedObject("b", "k", 1, "etag", "v1").delivery_id
    assert one.delivery_id != LandedObject("b", "k", 1, "etag", "v2").delivery_id
    assert LandedObject("b", "k", 1, "e1").delivery_id != LandedObject("b", "k", 1, "e2").delivery_id


def test_uploads_stay_in_the_tenants_prefix() -> None:
    assert upload_key(ACME, "aws", "u-1", "bill.csv") == "acme/aws/u-1/bill.csv"
    for source in ("", "A", "-a", "a/b", "a" * 64):
        with pytest.raises(BadRequest) as refused:
            upload_key(ACME, source, "u-1", "bill.csv")
        assert refused.value.code == "INVALID_SOURCE"
    for filename in ("", "..", "../x", "a/b", "a\\b", "a\nb", "a" * 256):
        with pytest.raises(BadRequest) as refused:
            upload_key(ACME, "aws", "u-1", filename)
        assert refused.value.code == "INVALID_FILENAME"


def test_the_event_of_s3_names_the_object_as_it_is() -> None:
    assert object_created(EVENT, "landing") == LandedObject("landing", "acme/aws/a b+ü.csv", 5, "abc", "v1")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**EVENT, "source": "onyx.cost-center"},
        {**EVENT, "detail-type": "Object Deleted"},
        {**EVENT, "detail": {}},
        {**EVENT, "detail": {"bucket": {"name": "landing"}, "object": {"key": "", "size": 1, "etag": "a"}}},
        {**EVENT, "detail": {"bucket": {"name": "other"}, "object": EVENT["detail"]["object"]}},  # type: ignore[index]
    ],
)
def test_anything_else_is_poison(body: dict[str, object]) -> None:
    with pytest.raises(PoisonMessage):
        object_created(body, "landing")


def seen(version: str, second: int) -> Seen:
    return Seen(LandedObject("landing", "acme/aws/b.csv", 1, "e", version), NOW + timedelta(seconds=second))


LISTED = [seen("a", 1), seen("z", 1), seen("k", 1), seen("b", 0)]
"""As S3 lists the versions of a key: the newest first, also within a second."""


def test_versions_of_one_key_are_in_the_order_of_their_puts() -> None:
    orders = [order_of(each.object, LISTED) for each in LISTED]

    assert orders == sorted(orders, reverse=True)


def test_what_is_put_later_does_not_change_the_place_of_what_was() -> None:
    assert order_of(LISTED[2].object, LISTED) == order_of(LISTED[2].object, LISTED[2:])


def test_an_object_that_is_not_listed_is_before_those_that_are() -> None:
    assert order_of(seen("q", 1).object) < order_of(LISTED[-1].object, LISTED)


def test_a_key_and_when_a_manifest_landed_count_more() -> None:
    one, other = LandedObject("b", "acme/aws/1", 1, "e"), LandedObject("b", "acme/aws/2", 1, "d")

    assert order_of(one) < order_of(other)
    assert order_of(other, landed_at=NOW) < order_of(one, landed_at=NOW + timedelta(seconds=1))


def test_a_manifest_has_the_last_version_of_its_second() -> None:
    older, newer = versions_of(seen("m", 1), LISTED)
    assert older is not None
    assert (older.object.version_id, newer) == ("a", [])
    older, newer = versions_of(seen("m", 0), LISTED)
    assert older is not None
    assert older.object.version_id == "b"
    assert [each.object.version_id for each in newer] == ["k", "z", "a"]

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import aws
from shared.errors import BadRequest, ConfigurationError
from shared.page_keys import PageKeys

KEYS = PageKeys(b"0123456789abcdef0123456789abcdef")
SCOPE = ("bills", "acme", "BILL#")
last_keys = st.text(min_size=1, max_size=40)


def refused(token: Any, *scope: str, keys: PageKeys = KEYS, **more: str) -> bool:
    try:
        keys.verify(*(scope or SCOPE), token, **more)
    except BadRequest as error:
        return error.code == "INVALID_CURSOR"
    return False


@given(last_keys)
def test_a_token_gives_back_its_key_and_is_safe_in_a_url(last: str) -> None:
    token = KEYS.sign(*SCOPE, last)
    assert KEYS.verify(*SCOPE, token) == last
    assert token.isascii()
    assert not set(token) & set("+/=&?# ")


@given(st.data())
def test_a_token_altered_in_any_character_is_refused(data: st.DataObject) -> None:
    token = KEYS.sign(*SCOPE, data.draw(last_keys))
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters())
    altered = token[:at] + other + token[at + 1 :]
    assert refused(altered) == (altered != token)


def test_every_single_altered_byte_and_bit_is_refused() -> None:
    token = KEYS.sign(*SCOPE, "BILL#cur.2026-09")
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for at in range(len(raw)):
        for bit in range(8):
            altered = bytearray(raw)
            altered[at] ^= 1 << bit
            assert refused(base64.urlsafe_b64encode(altered).rstrip(b"=").decode())


@given(st.data())
def test_a_token_cut_or_lengthened_is_refused(data: st.DataObject) -> None:
    token = KEYS.sign(*SCOPE, data.draw(last_keys))
    assert refused(token[: data.draw(st.integers(0, len(token) - 1))])
    assert refused(token + data.draw(st.text("ABCabc012-_=\n ", min_size=1, max_size=5)))


@given(st.text() | st.none() | st.integers() | st.binary())
def test_nothing_made_up_is_a_token(token: Any) -> None:
    assert refused(token)


parts = st.text("ab#", max_size=3)


@given(*[parts] * 8, last_keys)
def test_a_token_is_good_for_its_own_listing_only(
    table: str, tenant: str, prefix: str, partition: str,
    table2: str, tenant2: str, prefix2: str, partition2: str, last: str,
) -> None:  # fmt: skip
    token = KEYS.sign(table, tenant, prefix, last, partition=partition)
    same = (table, tenant, prefix, partition) == (table2, tenant2, prefix2, partition2)
    assert refused(token, table2, tenant2, prefix2, partition=partition2) == (not same)


def test_a_token_does_not_change_direction() -> None:
    assert refused(KEYS.sign(*SCOPE, "k", order="newest"), order="oldest")


def test_a_token_of_another_secret_is_refused() -> None:
    assert refused(PageKeys(b"x" * 32).sign(*SCOPE, "k"))


def test_an_enormous_token_is_refused() -> None:
    assert refused(KEYS.sign(*SCOPE, "k" * 4000))


def test_a_weak_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        PageKeys(b"short")
    with pytest.raises(ConfigurationError):
        PageKeys(lambda: b"").sign(*SCOPE, "k")


class SecretStore:
    def __init__(self, text: str) -> None:
        self.text = text
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == "arn:secret"
        self.reads += 1
        return {"SecretString": self.text}


def test_the_secret_is_fetched_once_and_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SecretStore(json.dumps({"key": "0123456789abcdef0123456789abcdef"}))
    monkeypatch.setattr(aws, "secretsmanager", lambda: store)
    keys = PageKeys.from_secret("arn:secret")
    assert store.reads == 0
    assert keys.verify(*SCOPE, keys.sign(*SCOPE, "k")) == "k"
    assert KEYS.verify(*SCOPE, keys.sign(*SCOPE, "k")) == "k"
    assert store.reads == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"key": 7}', '{"key": ""}', "null", "plain"])
def test_a_secret_of_another_form_is_a_configuration_error(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "secretsmanager", lambda: SecretStore(text))
    with pytest.raises(ConfigurationError, match="PAGE_TOKEN_SECRET_ARN"):
        PageKeys.from_secret("arn:secret").sign(*SCOPE, "k")

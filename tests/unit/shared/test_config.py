import pytest
from pydantic import Field, ValidationError

from shared.config import Settings, load_settings
from shared.errors import ConfigurationError


class ApiSettings(Settings):
    bill_table: str
    query_timeout_seconds: int = Field(default=25, gt=0)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    load_settings.cache_clear()
    for name in ("BILL_TABLE", "QUERY_TIMEOUT_SECONDS", "bill_table"):
        monkeypatch.delenv(name, raising=False)


def test_settings_come_from_the_environment_with_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILL_TABLE", "bills")
    monkeypatch.setenv("QUERY_TIMEOUT_SECONDS", "7")
    monkeypatch.setenv("SOMETHING_ELSE", "ignored")
    assert load_settings(ApiSettings).model_dump() == {"bill_table": "bills", "query_timeout_seconds": 7}


def test_settings_are_read_once_and_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILL_TABLE", "bills")
    settings = load_settings(ApiSettings)
    monkeypatch.setenv("BILL_TABLE", "others")
    assert load_settings(ApiSettings) is settings
    with pytest.raises(ValidationError):
        settings.bill_table = "x"  # type: ignore[misc]
    load_settings.cache_clear()
    assert load_settings(ApiSettings).bill_table == "others"


def test_every_missing_or_bad_variable_is_named_and_no_value_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUERY_TIMEOUT_SECONDS", "hunter2")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(ApiSettings)
    assert [each["variable"] for each in caught.value.errors] == ["BILL_TABLE", "QUERY_TIMEOUT_SECONDS"]
    assert "BILL_TABLE" in caught.value.detail
    assert "hunter2" not in caught.value.detail + str(caught.value.errors)


def test_an_empty_variable_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILL_TABLE", "")
    with pytest.raises(ConfigurationError, match="BILL_TABLE"):
        load_settings(ApiSettings)

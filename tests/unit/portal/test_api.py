import json
from datetime import UTC, datetime

import pytest

from services.portal.handlers import api
from shared.clock import FixedClock
from shared.config import load_settings
from shared.http import routes
from tests.fakes.http_calls import call
from tests.fakes.openapi_document import DOCUMENT


@pytest.fixture(autouse=True)
def _portal(monkeypatch, tmp_path):
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))
    monkeypatch.setattr(api, "OPENAPI", file)
    monkeypatch.setenv("ONYX_ENV", "test")
    for cached in (load_settings, api.document, api.page):
        cached.cache_clear()
    yield
    for cached in (load_settings, api.document, api.page):
        cached.cache_clear()


def test_health(monkeypatch):
    monkeypatch.setattr(api, "clock", FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC)))
    answer = call(api.handler, "GET", "/v1/health")
    assert (answer.status, answer.body) == (
        200,
        {"status": "ok", "version": "1.2.3", "env": "test", "time": "2026-11-20T09:00:00Z"},
    )


def test_the_contract_is_the_packaged_file():
    answer = call(api.handler, "GET", "/v1/openapi.json")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", DOCUMENT)


def test_the_page_forbids_whatever_it_does_not_need():
    answer = call(api.handler, "GET", "/v1/docs")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.body.startswith("<!doctype html>")


def test_all_of_it_is_public_and_nothing_else_is_there():
    assert {(route.path, route.role) for route in routes(api.app)} == {
        ("/v1/health", None),
        ("/v1/openapi.json", None),
        ("/v1/docs", None),
    }
    assert call(api.handler, "GET", "/v1/anything").status == 404
    assert call(api.handler, "POST", "/v1/health").status == 405

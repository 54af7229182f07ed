import contextvars
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.observability import bind_context, clear_context, flush_metrics, logger, metrics, tracer


@pytest.fixture
def lines() -> Iterator[Any]:
    """What the logger writes from here on, as parsed JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    level = logger.log_level
    logger.setLevel("INFO")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(level)
    clear_context()


def test_every_line_carries_tenant_and_correlation_id(lines: Any) -> None:
    bind_context(tenant="acme", correlation_id="c-1")
    logger.info("one")
    logger.error("two", row=7)
    clear_context()
    logger.info("three")
    one, two, three = lines()
    assert (one["tenant"], one["correlation_id"]) == ("acme", "c-1")
    assert (two["tenant"], two["correlation_id"], two["row"]) == ("acme", "c-1", 7)
    assert "tenant" not in three
    assert "correlation_id" not in three


def test_threads_do_not_see_each_others_context(lines: Any) -> None:
    def work(tenant: str) -> None:
        bind_context(tenant=tenant, correlation_id=tenant)
        logger.info(tenant)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ["t-1", "t-2", "t-3", "t-4"] * 5))
    logger.info("outside")
    *inside, outside = lines()
    assert len(inside) == 20
    assert all(line["tenant"] == line["message"] for line in inside)
    assert "tenant" not in outside


def test_a_copied_context_is_cleared_for_itself(lines: Any) -> None:
    bind_context(tenant="acme", correlation_id="c-1")
    contextvars.copy_context().run(clear_context)
    logger.info("still mine")
    assert lines()[0]["tenant"] == "acme"


def test_metrics_carry_the_context_as_metadata(capsys: pytest.CaptureFixture[str]) -> None:
    bind_context(tenant="acme", correlation_id="c-1")
    metrics.add_metric(name="Bills", unit="Count", value=1)
    flush_metrics()
    written = json.loads(capsys.readouterr().out)
    assert (written["tenant"], written["correlation_id"]) == ("acme", "c-1")
    description = written["_aws"]["CloudWatchMetrics"][0]
    assert description["Namespace"] == "Onyx"
    assert "tenant" not in description["Dimensions"][0]
    clear_context()
    flush_metrics()
    assert capsys.readouterr().out == ""


def test_the_tracer_is_harmless_where_no_daemon_is() -> None:
    assert tracer.disabled
    bind_context(tenant="acme", correlation_id=None)

    @tracer.capture_method
    def work() -> str:
        return "done"

    assert work() == "done"
    clear_context()


def test_where_nobody_listens_the_tracing_sdk_is_not_loaded() -> None:
    loaded = "import sys, shared.observability; print('aws_xray_sdk' in sys.modules)"
    for listener, expected in ({}, "False"), ({"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000"}, "True"):
        done = subprocess.run(
            [sys.executable, "-c", loaded],
            env={"PATH": "/usr/bin:/bin", **listener},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected

"""Generations on disk: one instant each, whole or not there."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local.snapshots import Snapshotter, clear_drafts, prune_code, unwrap, wrap


def snapshotter(folder: Path, states: dict[str, Callable[[], Any]], **options: Any) -> Snapshotter:
    return Snapshotter(
        folder,
        states=lambda: states,
        encode=lambda service, state: json.dumps({service: state}),
        decode=lambda service, text: json.loads(text)[service],
        **options,
    )


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    kept = snapshotter(tmp_path, {"sqs": lambda: {"a": 1}, "none": lambda: None})
    assert kept.load("sqs") is None, "before the first one"
    kept.write()
    assert kept.load("sqs") == {"a": 1}
    assert kept.load("none") is None
    assert kept.load("other") is None


def test_the_newest_counts_and_few_are_kept(tmp_path: Path) -> None:
    value = 0
    kept = snapshotter(tmp_path, {"sqs": lambda: value})
    for number in range(6):
        value = number
        kept.write()
    assert kept.load("sqs") == 5
    assert len(list(tmp_path.iterdir())) == 3


def test_a_failure_leaves_the_last_whole_generation(tmp_path: Path) -> None:
    fail = False

    def state() -> int:
        if fail:
            raise RuntimeError("torn")
        return 1

    kept = snapshotter(tmp_path, {"a": lambda: 1, "b": state})
    kept.write()
    fail = True
    with pytest.raises(RuntimeError):
        kept.write()
    assert kept.load("b") == 1
    clear_drafts(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_fork_keeps_the_instant_it_was_made(tmp_path: Path) -> None:
    value = {"n": 1}
    forked, go = tmp_path / "forked", tmp_path / "go"

    def slow() -> dict[str, int]:
        forked.touch()
        while not go.exists():
            pass
        return value

    kept = snapshotter(tmp_path / "generations", {"a": slow})

    async def scenario() -> bool:
        taking = asyncio.create_task(kept.take())
        async with asyncio.timeout(10):
            while not forked.exists():
                await asyncio.sleep(0.005)
        value["n"] = 2
        go.touch()
        return await taking

    (tmp_path / "generations").mkdir()
    assert asyncio.run(scenario())
    assert kept.load("a") == {"n": 1}
    assert kept.taken == 1


def test_the_child_holds_no_socket_of_the_parent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()

        def descriptors() -> list[str]:
            found = []
            for entry in Path("/proc/self/fd").iterdir():
                try:
                    found.append(os.readlink(entry))  # noqa: PTH115 - a socket is no path
                except OSError:
                    continue
            return found

        assert any("socket:" in name for name in descriptors())
        kept = snapshotter(tmp_path, {"a": descriptors})
        assert asyncio.run(kept.take())
        assert listening.fileno() == number
    assert not any("socket:" in name for name in kept.load("a"))


def test_a_lock_held_by_another_thread_does_not_stop_the_child(tmp_path: Path) -> None:
    release = threading.Event()
    held = threading.Event()
    lock = threading.Lock()

    def hold() -> None:
        with lock:
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    try:
        assert asyncio.run(snapshotter(tmp_path, {"a": lambda: lock.locked()}).take())
    finally:
        release.set()
        thread.join()


def test_a_failing_child_is_told_and_tried_again(tmp_path: Path) -> None:
    broken = True

    def state() -> int:
        if broken:
            raise RuntimeError("torn")
        return 1

    kept = snapshotter(tmp_path, {"a": state}, interval=0.01)

    async def scenario() -> None:
        nonlocal broken
        assert not await kept.take()
        assert kept.last_error
        broken = False
        running = asyncio.create_task(kept.run())
        async with asyncio.timeout(10):
            while not kept.taken:
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(scenario())
    assert kept.last_error is None
    assert kept.load("a") == 1


def test_it_is_due_soon_after_a_change_seldom_without_and_never_in_mid_deployment(tmp_path: Path) -> None:
    now = 0.0
    settled = True
    kept = snapshotter(tmp_path, {"a": dict}, interval=2, settled=lambda: settled, clock=lambda: now)
    now = 59.9
    assert not kept.due(), "nothing changed"
    now = 60.0
    assert kept.due(), "what changes by itself is kept too"
    asyncio.run(kept.take())
    kept.touch()
    now += 1.9
    assert not kept.due()
    now += 0.1
    assert kept.due()
    settled = False
    assert not kept.due()


def test_a_large_state_is_not_written_all_the_time(tmp_path: Path) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0  # whoever asks twice sees a second pass: a snapshot takes seconds
        return now

    kept = snapshotter(tmp_path, {"a": dict}, interval=2, clock=clock)
    asyncio.run(kept.take())
    taken = now
    kept.touch()
    while not kept.due():
        pass
    assert now - taken >= 10


def test_a_state_of_a_newer_emulator_is_refused() -> None:
    text = wrap(2, {"a": 1}, str)
    assert unwrap(text, 2, lambda found: found) == {"a": 1}
    with pytest.raises(ValueError, match="newer emulator"):
        unwrap(text, 1, lambda found: found)


def test_code_of_no_generation_is_removed(tmp_path: Path) -> None:
    generation = tmp_path / "generations" / "1"
    blobs = tmp_path / "blobs"
    generation.mkdir(parents=True)
    blobs.mkdir()
    (generation / "lambda.json").write_text('{"code_blob_ref": "aaa"}')
    for name in ("aaa", "bbb"):
        (blobs / f"{name}.zip").touch()
    prune_code(tmp_path / "generations", blobs)
    assert [path.name for path in blobs.iterdir()] == ["aaa.zip"]

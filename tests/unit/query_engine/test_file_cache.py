"""Copies of the lake's files: whole or not used, fetched once, within the budget, each tenant's its own."""

import random
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from services.query_engine.adapters.file_cache import FileCache, NoRoom
from services.query_engine.adapters.lake_reader import Fetched, unavailable
from services.query_engine.domain.errors import LAKE_UNAVAILABLE, QUERY_TIMEOUT
from shared.errors import OnyxError

SIZE = 1000
A, B, C = "s3://lake/acme/a.parquet", "s3://lake/acme/b.parquet", "s3://lake/acme/c.parquet"


def parquet(path: str) -> bytes:
    """Of SIZE bytes, which look like parquet and tell which file they are."""
    footer = path.encode().ljust(100)
    head = b"PAR1".ljust(SIZE - 108, b".")
    return head + footer + (100).to_bytes(4, "little") + b"PAR1"


class Lake:
    """A reader that notes what it is asked, and does what the test wants at each fetch."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.before: Callable[[str], None] = lambda path: None

    def fetch(
        self, storage: Mapping[str, str], path: str, target: Path, reserve: Callable[[int], None]
    ) -> Fetched:
        self.asked.append((storage.get("who", ""), path))
        reserve(SIZE)
        body = parquet(path)
        with target.open("xb") as file:
            file.write(body[: SIZE // 2])
            file.flush()
            self.before(path)
            file.write(body[SIZE // 2 :])
        return Fetched(SIZE, zlib.crc32(zlib.crc32(body).to_bytes(4, "little")))


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def cache(lake: Lake, tmp_path: Path) -> FileCache:
    return FileCache(tmp_path, 3 * SIZE, lake)


def read(cache: FileCache, *paths: str, tenant: str = "acme") -> list[bytes]:
    with cache.lease(tenant, paths, {"who": tenant}) as local:
        return [local[path].read_bytes() for path in paths]


def files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def test_a_file_is_fetched_once_and_read_from_its_copy(cache: FileCache, lake: Lake) -> None:
    assert read(cache, A, B) == [parquet(A), parquet(B)]
    assert read(cache, A) == [parquet(A)]
    assert sorted(lake.asked) == [("acme", A), ("acme", B)]
    assert (cache.fetches, cache.hits, cache.bytes) == (2, 1, 2 * SIZE)


def test_many_who_ask_at_once_share_one_fetch(cache: FileCache, lake: Lake) -> None:
    go = threading.Event()
    lake.before = lambda path: (go.wait(10), None)[1]
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.extend(read(cache, A))) for _ in range(8)]
    for each in threads:
        each.start()
    go.set()
    for each in threads:
        each.join(10)
    assert found == [parquet(A)] * 8
    assert lake.asked == [("acme", A)]


def test_a_copy_is_its_tenants_alone(cache: FileCache, lake: Lake, tmp_path: Path) -> None:
    """Also where another tenant's plan named the file: the lake decides, with that tenant's credentials."""

    def refused(path: str) -> None:
        if lake.asked[-1][0] != "acme":
            raise unavailable()

    lake.before = refused
    read(cache, A)
    with pytest.raises(OnyxError) as caught:
        read(cache, A, tenant="globex")
    assert caught.value.code == LAKE_UNAVAILABLE
    assert lake.asked == [("acme", A), ("globex", A)]
    assert {each.parent.name for each in files(tmp_path)} == {"acme"}
    assert (tmp_path / "acme").stat().st_mode & 0o077 == 0


def test_the_longest_unused_goes_and_never_one_in_use(cache: FileCache, lake: Lake) -> None:
    d, e = A + ".d", A + ".e"
    with cache.lease("acme", [A], {}) as held:
        read(cache, B)
        read(cache, C)
        read(cache, B)
        assert read(cache, d) == [parquet(d)]  # in the place of C
        assert held[A].read_bytes() == parquet(A)
        with cache.lease("acme", [B, d], {}), pytest.raises(NoRoom), cache.lease("acme", [e], {}):
            pass
    assert read(cache, e) == [parquet(e)]
    assert cache.bytes == 3 * SIZE


def test_what_is_not_published_any_more_goes_first(cache: FileCache, lake: Lake) -> None:
    for each in (A, B, C):
        read(cache, each)
    cache.retire("acme", [A, C])
    read(cache, A + ".new")
    asked = len(lake.asked)
    read(cache, A, C)
    assert len(lake.asked) == asked


@pytest.mark.parametrize("after", [lambda body: body[:-1], lambda body: body[:-9] + b"!" + body[-8:]])
def test_a_copy_that_was_changed_is_not_used(
    cache: FileCache, lake: Lake, tmp_path: Path, after: Callable[[bytes], bytes]
) -> None:
    read(cache, A)
    (copy,) = files(tmp_path)
    copy.write_bytes(after(copy.read_bytes()))
    assert read(cache, A) == [parquet(A)]
    assert len(lake.asked) == 2


@pytest.mark.parametrize("after", [bytes, lambda body: body[:-1], lambda body: body[:-9] + b"!" + body[-8:]])
def test_a_restart_finds_whole_copies_and_no_others(
    cache: FileCache, lake: Lake, tmp_path: Path, after: Callable[[bytes], bytes]
) -> None:
    read(cache, A, B)
    broken = next(each for each in files(tmp_path) if A.encode() in each.read_bytes())
    broken.write_bytes(after(broken.read_bytes()))
    (tmp_path / "acme" / "0.part").write_bytes(b"half")
    again = FileCache(tmp_path, 3 * SIZE, lake)
    assert not list(tmp_path.rglob("*.part"))
    lake.asked.clear()
    assert read(again, B, A) == [parquet(B), parquet(A)]
    assert lake.asked == ([] if after is bytes else [("acme", A)])
    assert len(files(tmp_path)) == 2


def test_a_restart_with_less_room_keeps_to_it(cache: FileCache, lake: Lake, tmp_path: Path) -> None:
    read(cache, A, B, C)
    assert FileCache(tmp_path, SIZE, lake).bytes <= SIZE
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("error", [unavailable(), OSError(28, "No space left on device")])
def test_a_fetch_that_breaks_off_leaves_nothing(
    cache: FileCache, lake: Lake, tmp_path: Path, error: Exception
) -> None:
    def broken(path: str) -> None:
        raise error

    lake.before = broken
    with pytest.raises(OnyxError) as caught:
        read(cache, A)
    assert caught.value.code == LAKE_UNAVAILABLE
    assert files(tmp_path) == []
    lake.before = lambda path: None
    assert read(cache, A, B, C) == [parquet(A), parquet(B), parquet(C)]


def test_a_query_that_ends_leaves_its_fetch_to_others(cache: FileCache, lake: Lake) -> None:
    go = threading.Event()
    lake.before = lambda path: (go.wait(10), None)[1]
    with (
        pytest.raises(OnyxError) as caught,
        cache.lease("acme", [A], {}, lambda: True),
    ):
        pass
    assert caught.value.code == QUERY_TIMEOUT
    go.set()
    assert read(cache, A) == [parquet(A)]
    assert len(lake.asked) == 1
    # It is in nobody's use: others may take its place.
    assert len(read(cache, B, C, A + ".d")) == 3


def test_under_load_every_copy_is_whole_and_the_budget_is_kept(cache: FileCache, tmp_path: Path) -> None:
    paths = [f"s3://lake/acme/{number}.parquet" for number in range(8)]
    wrong: list[str] = []
    refused: list[str] = []

    def work(seed: int) -> None:
        pick = random.Random(seed)
        for _ in range(150):
            wanted = pick.sample(paths, pick.randint(1, 2))
            try:
                with cache.lease("acme", wanted, {}) as local:
                    wrong.extend(path for path in wanted if local[path].read_bytes() != parquet(path))
            except NoRoom:
                refused.append("")
            if cache.bytes > 3 * SIZE:
                wrong.append("budget")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert wrong == []
    assert len(files(tmp_path)) == cache.bytes // SIZE <= 3
    # Nothing counts as in use any more.
    assert len(read(cache, *paths[:3])) == 3

"""Two readers of one file: the second gets every byte, and never holds up or breaks the first."""

from itertools import pairwise

from services.cost_center.adapters.byte_pipe import Beside, BytePipe

CHUNKS = [bytes([number]) * (number + 1) for number in range(100)]


def test_the_second_reader_gets_every_byte_in_the_sizes_it_asks_for() -> None:
    read: list[bytes] = []

    def in_sevens(pipe: BytePipe) -> None:
        read.extend(iter(lambda: pipe.read(7), b""))

    with Beside(in_sevens) as beside:
        for chunk in CHUNKS:
            beside.put(chunk)
            beside.start()

    assert b"".join(read) == b"".join(CHUNKS)
    assert all(len(part) == 7 for part, _ in pairwise(read))


def test_more_may_be_put_than_waits_before_anybody_reads() -> None:
    read: list[bytes] = []

    with Beside(lambda pipe: read.append(pipe.read())) as beside:
        for chunk in CHUNKS:
            beside.put(chunk)
        beside.start()

    assert read == [b"".join(CHUNKS)]


def test_a_second_reader_that_fails_holds_nobody_up() -> None:
    def fail(pipe: BytePipe) -> None:
        raise ValueError(pipe.read(1))

    with Beside(fail) as beside:
        beside.start()
        for chunk in CHUNKS:
            beside.put(chunk)


def test_a_second_reader_ends_when_the_first_fails() -> None:
    read: list[bytes] = []
    failed = False
    try:
        with Beside(lambda pipe: read.append(pipe.read())) as beside:
            beside.start()
            raise EOFError
    except EOFError:
        failed = True

    assert (failed, read) == (True, [b""])


def test_a_second_reader_that_is_never_started_is_not_waited_for() -> None:
    read: list[bytes] = []

    with Beside(lambda pipe: read.append(pipe.read())) as beside:
        beside.put(b"x")

    assert read == []

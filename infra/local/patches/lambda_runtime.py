"""Lambda: the warm worker processes and the code they run."""

import functools
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# A worker asks once a second whether the emulator still lives. PR_SET_PDEATHSIG would not do: it
# follows the thread that started the worker, and those threads end.
_WATCH = """
import os as _os, threading as _threading, time as _time
def _end_with_parent(_parent=_os.getppid()):
    while _os.getppid() == _parent:
        _time.sleep(1)
    _os._exit(1)
_threading.Thread(target=_end_with_parent, daemon=True).start()
"""


def shorten_the_wait_for_stderr() -> None:
    """After each warm call it waits up to 50 ms for a first log line; 3 ms is enough on one machine."""
    drain = lambda_runtime.Worker._drain_stderr_bounded
    lambda_runtime.Worker._drain_stderr_bounded = functools.partialmethod(drain, first_line_wait=0.003)


def end_workers_with_the_emulator() -> None:
    """An idle worker ends at the end of its input, but one in the middle of a call would stay."""
    lambda_runtime._PYTHON_WORKER_SCRIPT = _WATCH + lambda_runtime._PYTHON_WORKER_SCRIPT


def keep_code_of_older_generations() -> None:
    """Code is pruned whenever state is read, also for a snapshot that is never finished."""
    lambda_svc._prune_orphan_code_blobs = lambda referenced: None


def read_streams_from_their_beginning() -> None:
    """A start finds how far a table's stream was read, and none of its records: as many of the next ones
    would be skipped. All of ours begin at the oldest record there is."""
    restore = lambda_svc._restore_esm_positions

    @functools.wraps(restore)
    def restored(store: Any, positions: Any) -> None:
        if store is not lambda_svc._dynamodb_stream_positions:
            restore(store, positions)

    lambda_svc._restore_esm_positions = restored

"""Several pollers in one task: they live together and end together."""

import threading
from collections.abc import Sequence

from shared.observability import logger
from shared.poller import Poller


def run_together(pollers: Sequence[Poller], stop: threading.Event) -> None:
    """Run each in a thread until `stop` is set; returns when all have finished what they hold.

    When one dies, the others finish what they hold and take no more, and its error is raised: a task that
    serves one queue only would look healthy.
    """
    died: list[BaseException] = []

    def run(poller: Poller) -> None:
        try:
            poller.run()
        except BaseException as error:  # noqa: BLE001 - raised by the task's own thread below
            logger.exception("a poller died")
            died.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=(poller,)) for poller in pollers]
    for poller, thread in zip(pollers, threads, strict=True):
        poller.stop = stop
        thread.start()
    for thread in threads:
        thread.join()
    if died:
        raise died[0]

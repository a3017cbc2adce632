"""Runs on the machines of a Dask cluster, and on no other."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from freqopt._install import install
from freqopt.errors import BackendError, in_words
from freqopt.experiment.executors.task import Outcome, Task, failed, work

AT_FIRST = 8
"""Tasks that are handed over while the cluster has no workers yet."""
EXAMPLE = "as `dask scheduler` prints it (tcp://host:8786)"


def dask(tasks: Iterable[Task], scheduler: str | None) -> Generator[Outcome, None, None]:
    """Outcomes in the order in which they come.

    Raises
    ------
    BackendError
        No Dask, no scheduler at the address, or it is lost on the way: nothing is computed here
        instead.
    """
    with _client(scheduler) as client:
        yield from _gathered(client, tasks, str(scheduler))


def _gathered(client: Any, tasks: Iterable[Task], scheduler: str) -> Generator[Outcome, None, None]:
    """Twice as many tasks as the cluster has threads are handed over at a time."""
    from distributed import as_completed

    waiting, asked, coming = iter(tasks), dict[Any, Task](), as_completed()

    def hand_over() -> None:
        most = max(AT_FIRST, 2 * sum(client.nthreads().values()))
        for task in islice(waiting, most - len(asked)):
            future = client.submit(work, task, key=f"freqopt-{task.name}", pure=False)
            asked[future] = task
            coming.add(future)

    hand_over()
    for future in coming:
        task = asked.pop(future)
        if future.status == "finished":
            outcome = future.result()
        elif future.status == "error":
            error = future.exception()
            outcome = failed(task, in_words(error))
        else:
            raise BackendError(
                f"the Dask scheduler at {scheduler} was lost; start it again and simulate again, "
                "finished runs are kept"
            )
        hand_over()
        yield outcome


def _client(scheduler: str | None) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise BackendError(
            "--executor dask needs the package distributed, which is not installed; "
            f"install it with {install('dask')}"
        ) from None
    if scheduler is None:
        raise BackendError(f"--executor dask needs --scheduler ADDRESS, {EXAMPLE}")
    try:
        parts = urlsplit(scheduler if "://" in scheduler else f"tcp://{scheduler}")
        complete = bool(parts.hostname and parts.port)
    except ValueError:
        complete = False
    if not complete:
        raise BackendError(f"--scheduler {scheduler!r} is no host and port; give it {EXAMPLE}")
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # in tracebacks; we say it
    try:
        return Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise BackendError(
            f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`"
        ) from None

"""A program in any language as an implementation: `freqopt crosscheck --exec './my_kernel'`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from freqopt.crosscheck.exchange import protocol
from freqopt.crosscheck.exchange.child import Child, LeftError, SilenceError
from freqopt.crosscheck.implementation import Step
from freqopt.errors import CrosscheckError, UnsupportedError
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

Asked = Callable[[str, str], AbstractContextManager[Child]]
"""(where, text) -> the child, to which the text was sent."""


class Program:
    """A child process that speaks `freqopt.crosscheck.exchange.protocol`, as an implementation.

    One child does run after run. A child that leaves with exit code 0 after a run is started anew
    for the next.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments; no shell reads them.
    answer_seconds : float
        Longest wait for one answer, to the header or to a step. A child that keeps us waiting
        longer is killed and not started again.
    total_seconds : float
        Longest wait for all answers together.

    Raises
    ------
    CrosscheckError
        The program does not exist or cannot be started. A run raises it with one message each for
        a child that hangs, crashes, leaves early, or writes what the protocol does not have, and
        shows the end of its standard error; the next run starts a new child.

    Examples
    --------
    ::

        with Program(["./my_kernel"]) as program:
            print(judge(program, cases("rowwise_adagrad")))
    """

    shares_memory = False

    def __init__(
        self,
        command: Sequence[str],
        *,
        answer_seconds: float = 30.0,
        total_seconds: float = 600.0,
    ) -> None:
        for seconds in (answer_seconds, total_seconds):
            if not seconds > 0:
                raise CrosscheckError(f"a limit of {seconds} s; expected a number above 0")
        self.command = list(command)
        self.answer_seconds, self.total_seconds = answer_seconds, total_seconds
        self._deadline = self._waited = 0.0
        self._given_up = ""
        self._runs = 0
        self._stepping = False  # between the answer to a header and the word `end`
        self._child: Child | None = Child(self.command)
        self._child_runs = 0

    def __call__(self, rule: Rule, table: Floats, given: Mapping[str, NDArray[Any]]) -> Step:
        """Begin a run: the child gets the header, and what is returned gives it the steps."""
        if self._given_up:
            raise CrosscheckError(f"not started again: {self._given_up}")
        self._runs += 1
        run = self._runs
        with self._exchange("at the start of a run"):
            answer = self._greet(protocol.header(rule, table, given), table.shape)
            self._child_runs += 1
            methods = protocol.read_ready(answer)
            self._stepping = True

        @contextmanager
        def asked(where: str, what: str) -> Iterator[Child]:
            """The child, which has been sent something."""
            if run != self._runs or self._child is None:
                raise CrosscheckError("this run is over; a program does one run at a time")
            with self._exchange(where):
                self._child.send(what)
                yield self._child

        return _Run(asked, table, methods)

    def close(self) -> None:
        """Close the child's input and wait until it leaves.

        Raises
        ------
        CrosscheckError
            It printed something after its last answer, left with another exit code than 0, or
            stayed.
        """
        if self._child is not None:
            with self._exchange("after the last step"):
                self._child.finish(self._goodbye())
            self._kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._kill()

    def _greet(self, header: str, shape: tuple[int, ...]) -> str:
        """The answer to a header; of a new child, if there is none or the old one has left."""
        if self._child is None:
            self._child = Child(self.command)
        child = self._child
        child.deadline = self._deadline
        child.longest_line = protocol.longest_line(shape[1])
        child.most = (protocol.STATES * (shape[0] + 1) + 1) * child.longest_line
        try:
            child.refuse_more()
            child.send(self._goodbye() + header)
            return child.line()
        except LeftError as left:
            if not (left.quietly and self._child_runs):
                raise
        self._kill()
        return self._greet(header, shape)

    def _goodbye(self) -> str:
        stepping, self._stepping = self._stepping, False
        return protocol.END if stepping else ""

    @contextmanager
    def _exchange(self, where: str) -> Iterator[None]:
        """Limits of time around what the child is asked, and the child's end if it goes wrong."""
        began = time.monotonic()
        self._deadline = began + min(self.answer_seconds, self.total_seconds - self._waited)
        if self._child is not None:
            self._child.deadline = self._deadline
        try:
            yield
        except UnsupportedError:
            raise
        except SilenceError:
            waited = f"it did not answer within {self._limit(began)} {where}"
            self._given_up = self._said(f"{waited}; does it flush its output?", self._kill())
            raise CrosscheckError(self._given_up) from None
        except CrosscheckError as error:
            raise CrosscheckError(self._said(f"{where}: {error}", self._kill())) from None
        except BaseException:
            self._kill()
            raise
        finally:
            self._waited += time.monotonic() - began

    def _limit(self, began: float) -> str:
        if self._deadline < began + self.answer_seconds:
            return f"{self.total_seconds:g} s in all"
        return f"{self.answer_seconds:g} s"

    def _said(self, what: str, errors: str) -> str:
        heading = "\nThe end of its standard error:\n"
        return f"{shlex.join(self.command)}: {what}{heading if errors else ''}{errors}"

    def _kill(self) -> str:
        child, self._child = self._child, None
        self._child_runs, self._stepping = 0, False
        return child.kill() if child is not None else ""


class _Run:
    """The step of one run; beside it the methods that the program has named, and no others.

    Parameters
    ----------
    asked : callable (where, text) -> context of Child
        Sends a text.
    table : float32 or float64 (N, d)
    methods : list of str
    """

    def __init__(self, asked: Asked, table: Floats, methods: list[str]) -> None:
        self._asked, self._table, self._t = asked, table, 0
        for name in methods:
            offered = "set_rate" if name == "rate" else name
            setattr(self, offered, getattr(self, f"_{name}"))

    def __call__(self, rows: Integers, grads: Floats) -> Floats:
        self._t += 1
        step = f"step {self._t}"
        with self._asked(f"at {step}", protocol.batch(step, rows, grads)) as child:
            _take(child, step, self._table)
        return self._table

    def _save(self) -> list[str]:
        with self._asked("at save", "save\n") as child:
            count = protocol.read_saved(child.line(), len(self._table))
            return [child.line() for _ in range(count)]

    def _restore(self, saved: list[str]) -> None:
        self._told("restore", protocol.restore(saved))

    def _rate(self, lr: float) -> None:
        self._told("rate", protocol.rate(lr))

    def _idle(self) -> Floats:
        with self._asked("at idle", "idle\n") as child:
            _take(child, "idle", self._table)
        return self._table

    def _accumulate(self, rows: Integers, grads: Floats) -> None:
        self._told("accumulate", protocol.batch("accumulate", rows, grads))

    def _cast(self, dtype: str) -> None:
        self._told("cast", f"cast {dtype}\n")
        self._table = self._table.astype(dtype)

    def _told(self, word: str, text: str) -> None:
        with self._asked(f"at {word}", text) as child:
            protocol.read_ok(child.line())


def _take(child: Child, word: str, table: Floats) -> None:
    """Read the rows that a step changed into the table."""
    seen: set[int] = set()
    for _ in range(protocol.read_head(child.line(), word, len(table))):
        row = protocol.read_row(child.line(), table)
        if row in seen:
            raise CrosscheckError(f"row {row} comes twice in one answer")
        seen.add(row)

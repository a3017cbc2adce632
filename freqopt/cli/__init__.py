"""Floor 7: the `freqopt` command.

Exit codes: 0 done; 1 some runs or checks failed; 2 a mistake in what was given; 128 + n ended by
signal n: 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP, 141 the reader of the output has closed it.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
import warnings

from cyclopts import App, CycloptsError, Parameter

from freqopt._interrupts import Ended, is_request
from freqopt._version import __version__
from freqopt.cli.advise import advise_
from freqopt.cli.check import check_
from freqopt.cli.completion import completion_
from freqopt.cli.crosscheck import crosscheck_
from freqopt.cli.explain import explain_
from freqopt.cli.export import export_
from freqopt.cli.figures import figures_
from freqopt.cli.goldens import goldens_
from freqopt.cli.list import list_
from freqopt.cli.report import report_
from freqopt.cli.reproduce import reproduce_
from freqopt.cli.results import results
from freqopt.cli.schema import schema_
from freqopt.cli.signals import ending, exit_code, heard, how
from freqopt.cli.simulate import simulate_
from freqopt.cli.vectors import vectors
from freqopt.cli.verify import verify_
from freqopt.errors import FreqoptError, own_mistake, short_of_memory
from freqopt.report.terminal import CLOSED, flush, printable, warn, written

SIGNALLED = 128
"""Exit codes above it are of signals."""

app = App(
    name="freqopt",
    help="Optimizers for embedding tables: simulate, draw, verify, advise, explain.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,  # it would leave with 130 and no word, whatever the signal
)
for command in (simulate_, figures_, reproduce_, verify_, crosscheck_, list_, explain_, schema_):
    app.command(command, name=command.__name__.rstrip("_"))
app.command(advise_, name="advise")
app.command(check_, name="check")
app.command(report_, name="report")
app.command(export_, name="export")
app.command(vectors)
app.command(results)
app.command(goldens_, name="goldens")
app.command(completion_, name="completion")


def perform(arguments: list[str] | None = None) -> int:
    """Run the command; its exit code."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")
    # not where in our code
    warnings.formatwarning = lambda said, *_: f"freqopt: {printable(str(said))}\n"
    with heard():
        code = run(sys.argv[1:] if arguments is None else arguments)
    gc.freeze()  # or all that was imported is looked through for garbage, 0.1 s
    return code


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code."""
    code = perform(arguments)
    if (
        code > SIGNALLED
    ):  # where an interrupt came through `exec`, Python would end by SIGINT instead
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def _refuse_empty(arguments: list[str]) -> None:
    """An empty path is the working directory to the system; nobody means it."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument or (argument.startswith("--") and argument.endswith("=")):
            where = f" after {before}" if before.startswith("-") else ""
            raise FreqoptError(
                f"an empty argument{where or f': {argument!r}'}; is a variable of the shell unset?"
            )


def _is_of_help(error: OSError) -> bool:
    """Whether it came from writing help, which is Rich's work."""
    *_, (last, _) = traceback.walk_tb(error.__traceback__)
    return str(last.f_globals.get("__name__")).startswith("rich.")


def run(arguments: list[str]) -> int:
    """Run the command; the exit code. A user's mistake is one message, never a traceback."""
    try:
        _refuse_empty(arguments)
        try:
            code = app(
                arguments, print_error=False, exit_on_error=False, result_action="return_value"
            )
            flush()
        except Exception as error:
            if ending():
                raise Ended from error
            if isinstance(error, OSError) and _is_of_help(error):
                with written():
                    raise
            raise
    except (FreqoptError, CycloptsError) as error:
        warn(f"freqopt: {error}")
        return 2
    except MemoryError as error:
        warn(f"freqopt: {short_of_memory(error)}")
        return 2
    except BrokenPipeError:  # whoever read our output has seen enough
        return CLOSED
    except OSError as error:  # a full disk, too few processes, ...: wherever it comes from
        what = f" at {error.filename}" if error.filename is not None else ""
        hint = "make room, or look at permissions and limits (ulimit -a)"
        warn(f"freqopt: the system refuses{what}: {error.strerror or error}; {hint}")
        return 2
    except BaseException as error:
        if isinstance(error.__context__, BrokenPipeError):  # Rich's answer to the same
            return CLOSED
        if not is_request(error) and (mistake := own_mistake(error)):
            warn(f"freqopt: {mistake}")
            return 2
        if not isinstance(error, KeyboardInterrupt):
            raise
        warn(f"freqopt: {how()}")
        return exit_code()
    return int(code or 0)

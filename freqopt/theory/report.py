"""What a run of `verify` found, as data: rows, mutation matrix, what was not verified."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from freqopt.theory.engines.resolution import Resolution, percent
from freqopt.theory.examine import Examination, MutantRow, Skipped, Unexamined
from freqopt.theory.verdict import Verdict, Word

SCHEMA = "freqopt verify 1"
"""Version of the JSON form."""


@dataclass(frozen=True)
class Verification:
    """The result of `verify`. It holds data and draws nothing.

    Attributes
    ----------
    examinations : one for each file, in the order of the paths
    quick, seed, budget : the options
    delta : float
        Error probability that each statistical check could spend.
    seconds : float
    with_mutants : bool
    """

    examinations: tuple[Examination, ...]
    quick: bool
    seed: int
    budget: float
    delta: float
    seconds: float
    with_mutants: bool

    @property
    def rows(self) -> list[Verdict]:
        """Every verdict."""
        return [row for e in self.examinations for row in e.rows]

    @property
    def mutants(self) -> list[MutantRow]:
        """Every mutant; empty unless the run had them."""
        return [row for e in self.examinations for row in e.mutants]

    @property
    def not_verified(self) -> list[Skipped]:
        """Checks left out and assumptions taken on trust, each with its reason."""
        return [item for e in self.examinations for item in e.skipped]

    @property
    def problems(self) -> list[Unexamined]:
        """Files, or mutants, that could not be examined."""
        return [item for e in self.examinations for item in e.problems]

    @property
    def survivors(self) -> list[MutantRow]:
        """Mutants that no engine noticed, and refuted ones that were declared true."""
        return [row for row in self.mutants if row.survived or row.mislabelled]

    @property
    def resolutions(self) -> list[Resolution]:
        """Every numeric part of every claim, and the smallest mistake in it that is noticed."""
        return [item for e in self.examinations for item in e.resolutions]

    def coarsest(self, theorem: str) -> str:
        """The largest mistake in the constant of a bound that nothing would notice.

        Parameters
        ----------
        theorem : str
            Its id, such as "FA-4".

        Returns
        -------
        str
            In per cent; "nothing" if no mistake is noticed, empty if no bound has a constant.
        """
        constants = [r for r in self.resolutions if r.theorem == theorem and r.part == "constant"]
        if not constants:
            return ""
        if any(r.change is None for r in constants):
            return "nothing"
        return percent(max(abs(r.change or 0.0) for r in constants))

    @property
    def exit_code(self) -> int:
        """0, or 1 if a verdict failed, a mutant survived or a file could not be examined."""
        failed = any(row.failed for row in self.rows)
        return int(failed or bool(self.survivors) or bool(self.problems))

    @property
    def failures(self) -> dict[str, str]:
        """Why the exit code is 1: what failed -> one line."""
        found = {
            f"{row.theorem} {row.engine}, {row.claim}": f"{row.word}. "
            + ": ".join(part for part in (row.witness, row.note) if part)
            for row in self.rows
            if row.failed
        }
        for mutant in self.survivors:
            told = "refuted though declared true" if mutant.mislabelled else "nobody noticed it"
            if mutant.survived and mutant.left_out:
                told += f"; left out: {'; '.join(mutant.left_out)}"
            found[f"{mutant.theorem} mutant {mutant.mutant!r}"] = told
        return found | {problem.path: problem.message for problem in self.problems}

    @property
    def summary(self) -> str:
        """One line: how many of what, and how many failed."""
        wrong = [row for row in self.mutants if not row.weaker]
        killed = f", {sum(bool(row.killed_by) for row in wrong)} of {len(wrong)} mutants killed"
        return (
            f"{len(self.examinations)} theorem files, {len(self.rows)} verdicts, "
            f"{sum(row.failed for row in self.rows)} failed"
            f"{killed if self.with_mutants else ''}, error probability spent {self.spent:.1e} of "
            f"{self.budget:g}"
        )

    @property
    def engines(self) -> list[str]:
        """Every engine that ran, in order of first appearance."""
        seen = dict.fromkeys(row.engine for row in self.rows)
        seen.update(dict.fromkeys(engine for row in self.mutants for engine in row.cells))
        return list(seen)

    @property
    def spent(self) -> float:
        """Error probability spent in all: at most `budget`."""
        return sum(row.delta for row in self.rows)

    def words(self, theorem: str) -> dict[str, Word]:
        """The worst word of each engine that ran on a theorem.

        Parameters
        ----------
        theorem : str
            Its id, such as "FA-4".

        Returns
        -------
        dict of str to Word
            By engine.
        """
        order = list(Word)
        found: dict[str, Word] = {}
        for row in self.rows:
            if row.theorem == theorem:
                known = found.get(row.engine, row.word)
                found[row.engine] = min(known, row.word, key=order.index)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values.

        Returns
        -------
        dict
        """
        return {
            "schema": SCHEMA,
            "quick": self.quick,
            "seed": self.seed,
            "budget": self.budget,
            "delta": self.delta,
            "spent": self.spent,
            "seconds": self.seconds,
            "exit_code": self.exit_code,
            "theorems": [
                {
                    "id": e.id,
                    "title": e.title,
                    "source": e.source,
                    "beware": e.beware,
                    "file": e.path.name,
                    "formulas": dict(e.formulas),
                    "assumptions": [list(pair) for pair in e.assumptions],
                }
                for e in self.examinations
            ],
            "rows": [row.to_dict() for row in self.rows],
            "resolutions": [{**asdict(item), "text": item.text} for item in self.resolutions],
            "mutants": [
                {**asdict(row), "survived": row.survived, "mislabelled": row.mislabelled}
                for row in self.mutants
            ],
            "not_verified": [asdict(item) for item in self.not_verified],
            "problems": [asdict(item) for item in self.problems],
        }

    def to_json(self) -> str:
        """The same as a JSON document.

        Returns
        -------
        str
        """
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

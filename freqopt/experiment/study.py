"""A study: what to run, written down completely in one TOML file.

`docs/studies.md` describes the format. Every key is checked before anything runs; an unknown one is
an error, with the nearest known key as a suggestion.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from freqopt._fields import Fields
from freqopt._files import as_path
from freqopt.backends import Factorised
from freqopt.errors import StudyError, describe
from freqopt.experiment.checkpoints import Every, as_checkpoints
from freqopt.experiment.document import located, read_document, with_quick
from freqopt.experiment.groups import Groups
from freqopt.experiment.protocol.settings import Compare, Tune, flatten

Axis = Annotated[list[Any], Field(min_length=1)]
Count = Annotated[int, Field(gt=0, lt=2**63, strict=True)]


class Named(BaseModel):
    """A thing by name, with its fields beside the name; the fields are the thing's own to check."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(description="A name that `freqopt list` shows, or the path of a file.")

    @property
    def fields(self) -> dict[str, Any]:
        """Everything that is not part of the entry itself."""
        return dict(self.model_extra or {})


class RuleEntry(Named):
    """One rule of a study."""

    label: str = Field("", description="What the rule is called in results; absent: its name.")
    dialect: str | None = Field(None, description="A known implementation whose options to take.")
    grid: dict[str, Axis] = Field({}, description="Option -> values; every combination is run.")
    cases: list[dict[str, Any]] = Field(
        [], description="Values that go together, for this rule alone: dotted paths."
    )
    factorised: Factorised | None = Field(
        None, description="Tables as two layers under this rule; absent: as in the whole study."
    )

    @property
    def title(self) -> str:
        """The label, or the name: for a rule of a file of one's own, the file's stem."""
        return self.label or Path(self.name).stem


class Study(Fields):
    """A study file's content. The file's stem is its name."""

    title: str = Field(min_length=1, description="One line: what is found out.")
    description: str = Field("", description="Why, how long it takes, which figures use it.")
    steps: Count = Field(description="Batches per run.")
    runs: Count = Field(1, description="Repetitions with other random numbers: run 0, 1, ...")
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = Field(
        0, description="Random numbers of the whole study; the same in every rule."
    )
    batch: Count = Field(1, description="Samples per step.")
    dtype: Literal["float64", "float32"] = Field("float64", description="Of the tables.")
    checkpoints: Annotated[int, Field(ge=2, strict=True)] | list[int] | Every = Field(
        40, description="Number of log-spaced steps to record; the steps; or {every = STEPS}."
    )
    record: Annotated[list[str], Field(min_length=1)] = Field(
        ["objective"], description="Metrics, by name or by the path of a file."
    )
    groups: Groups = Field(Groups(), description="Token groups by frequency.")
    factorised: Factorised | None = Field(None, description="Tables as two layers; absent: plain.")
    problem: Named = Field(description="The problem: its name and fields.")
    rules: Annotated[list[RuleEntry], Field(min_length=1)] = Field(description="The rules.")
    grid: dict[str, Axis] = Field(
        {}, description="Dotted path -> values, for example problem.tokens.exponent or batch."
    )
    cases: list[dict[str, Any]] = Field(
        [], description="Values that go together: the same dotted paths in every case."
    )
    tune: Tune | None = Field(None, description="How rates are chosen; absent: all are run.")
    compare: Compare | None = Field(None, description="What is compared with what.")
    quick: dict[str, Any] = Field(
        {}, description="Keys of this file with the values that --quick takes instead."
    )

    _source: Path | None = PrivateAttr(None)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise StudyError(describe(error, "study", _known_keys())) from None
        except RecursionError:
            raise StudyError("study: tables inside tables, too deep to be a study") from None

    @property
    def name(self) -> str:
        """The stem of the file it was read from, or "study"."""
        return self._source.stem if self._source else "study"

    def __repr__(self) -> str:
        """One line: the name and the title, the rules and the problem, steps and runs."""
        rules = ", ".join(rule.title for rule in self.rules)
        return (
            f"<Study {self.name}: {self.title}; {rules} on {Path(self.problem.name).stem}, "
            f"{self.steps} steps, runs: {self.runs}>"
        )

    def __str__(self) -> str:
        return repr(self)

    @property
    def source(self) -> str:
        """The file it was read from, for messages."""
        return str(self._source or "study")

    @field_validator("checkpoints", mode="before")
    @classmethod
    def _one_of_three_forms(cls, checkpoints: Any) -> Any:
        return as_checkpoints(checkpoints)

    @field_validator("grid", mode="before")
    @classmethod
    def _dotted(cls, grid: Any) -> Any:
        return flatten(grid) if isinstance(grid, dict) else grid

    @field_validator("cases", mode="before")
    @classmethod
    def _dotted_cases(cls, cases: Any) -> Any:
        if not isinstance(cases, list):
            return cases
        return [flatten(case) if isinstance(case, dict) else case for case in cases]

    @field_validator("cases")
    @classmethod
    def _alike(cls, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for case in cases:
            if set(case) != set(cases[0]):
                raise ValueError(
                    f"one case sets {', '.join(cases[0])}, another {', '.join(case)}; "
                    "set the same paths in every case"
                )
        return cases

    @field_validator("quick")
    @classmethod
    def _known(cls, quick: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(quick) - set(cls.model_fields))
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is no key of a study; keys: {', '.join(cls.model_fields)}"
            )
        return quick

    @model_validator(mode="after")
    def _tuned(self) -> Self:
        """[tune] chooses the rates, so that nothing else may; [compare] needs it."""
        if self.tune is None:
            if self.compare is not None:
                raise ValueError("[compare] compares what [tune] has chosen; add a table [tune]")
            return self
        labels = [rule.title for rule in self.rules]
        if self.compare and self.compare.reference not in labels:
            raise ValueError(
                f"compare.reference = {self.compare.reference!r} is no rule of the study; "
                f"rules: {', '.join(labels)}"
            )
        for rule in self.rules:
            if rule.grid or rule.cases or "lr" not in rule.fields:
                raise ValueError(
                    f"rule {rule.title}: with [tune] give lr, the rate to begin at, and no grid"
                )
        return self

    @model_validator(mode="after")
    def _labels(self) -> Self:
        title, times = Counter(rule.title for rule in self.rules).most_common(1)[0]
        if times > 1:
            raise ValueError(
                f"{times} rules are called {title!r}; give each of them a label of its own"
            )
        return self

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        varied = {path for paths in (self.grid, *self.cases) for path in paths}
        for rule in self.rules:
            for option in sorted({*rule.fields, *rule.grid}):
                places = [
                    *(["its options"] if option in rule.fields else []),
                    *(["its grid"] if option in rule.grid else []),
                    *(["the study's grid or cases"] if f"rule.{option}" in varied else []),
                ]
                if len(places) > 1:
                    raise ValueError(
                        f"rule {rule.title} has {option} in {' and in '.join(places)}; keep it in "
                        "one of them"
                    )
        return self

    @classmethod
    def read(cls, path: str | Path, *, quick: bool = False) -> Self:
        """Read a study file.

        Parameters
        ----------
        path : str or Path
        quick : bool
            Put the values of [quick] in their places.

        Returns
        -------
        Study

        Raises
        ------
        StudyError
            Naming the file and the key: not TOML, an unknown key, a wrong type or value.
        """
        path = as_path(path, "study file", StudyError)
        document = read_document(path)
        try:
            study = cls(**located(with_quick(document) if quick else document, path.parent))
        except StudyError as error:
            raise StudyError(f"{path}: {error}") from None
        study._source = path
        return study

    def derived(self, stage: str, **changes: Any) -> Self:
        """The study of one stage, under the same file's name and that of the stage.

        Parameters
        ----------
        stage : str
            What the study is called in messages and results beside this one's name.
        changes : dict
            Keys of a study with their new values.

        Returns
        -------
        Study

        Raises
        ------
        StudyError
            One of the changes is no key of a study. Values are taken as they are, unchecked.
        """
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise StudyError(f"no key of a study: {', '.join(sorted(unknown))}")
        study = self.model_copy(update={"tune": None, "compare": None, **changes})
        stem = self.name + (f" ({stage})" if stage else "")
        study._source = Path(self.source).with_name(f"{stem}.toml")
        return study

    def identity(self) -> dict[str, Any]:
        """The study as plain JSON values, for the metadata of results.

        Returns
        -------
        dict
        """
        return {"name": self.name, **self.model_dump(mode="json", exclude={"quick"})}


def _known_keys() -> list[str]:
    """Keys a misspelt one may have meant."""
    models: tuple[type[BaseModel], ...] = (Study, Groups, Factorised, Every, Tune, Compare)
    return sorted({key for model in models for key in model.model_fields})

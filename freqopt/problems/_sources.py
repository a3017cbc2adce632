"""The field that names real data: `"movielens"`, or a file and its format."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from freqopt._files import is_file
from freqopt.data import Dataset, load
from freqopt.data.parsing.rated import official_test
from freqopt.errors import ProblemError
from freqopt.problems._parameters import Nested

Kind = TypeVar("Kind", bound=Dataset)
Option = bool | int | float | str


class Source(Nested):
    """What `freqopt.data.load` is called with."""

    name: str | None = Field(None, description="Installed data, such as 'movielens'.")
    path: Path | None = Field(None, description="A data file; its `format` must be named.")
    format: str | None = Field(None, description="Format of the file, such as 'text'.")
    options: dict[str, Option] = Field({}, description="Further options of the loader.")

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if (self.name is None) == (self.path is None) or (self.path is None) != (
            self.format is None
        ):
            raise ValueError(
                "give either the name of installed data, or path and format of a file; got "
                f"name = {self.name!r}, path = {self.path}, format = {self.format!r}"
            )
        return self

    def files(self) -> list[Path]:
        """What is read: of a file also the one with its official test rows."""
        if self.path is None:
            return []
        test = self.options.get("test")
        beside = [official_test(self.path, test).path] if isinstance(test, str) else []
        return [self.path, *(file for file in beside if file != self.path)]

    def load(self, *kinds: type[Kind]) -> Kind:
        """The data set, read once per process unless a file changes.

        Parameters
        ----------
        kinds : classes
            Which of them it must be.

        Raises
        ------
        DataError
            It cannot be read.
        ProblemError
            It is of another kind than the problem needs.
        """
        where = self.path if self.name is None else self.name
        data = _load(str(where), self.format, tuple(sorted(self.options.items())), self._version())
        if not isinstance(data, kinds):
            raise ProblemError(
                f"data {str(where)!r} are {type(data).__name__}; this problem needs "
                f"{' or '.join(kind.__name__ for kind in kinds)}. Name other data, or another "
                "problem"
            )
        return data

    def _version(self) -> tuple[int, ...]:
        """Changes when a file does."""
        status = [file.stat() for file in self.files() if is_file(file)]
        return tuple(number for one in status for number in (one.st_mtime_ns, one.st_size))


@lru_cache(maxsize=4)
def _load(
    where: str,
    format: str | None,  # noqa: A002
    options: tuple[tuple[str, Any], ...],
    version: tuple[int, ...],  # noqa: ARG001 - part of the key
) -> Dataset:
    """Data sets are read-only, so that problems can share them."""
    return load(where, format, **dict(options))


def _word_is_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Data: TypeAlias = Annotated[Source, BeforeValidator(_word_is_name)]
"""`"movielens"`, or `{path = "ratings.dat", format = "movielens_1m"}`."""

"""The field that names real data: `"movielens"`, or a file and its format."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from freqopt._files import is_file
from freqopt.data import Dataset, load
from freqopt.errors import ProblemError
from freqopt.problems._tokens import Nested

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

    def load(self, kind: type[Kind]) -> Kind:
        """The data set, read once per process unless its file changes.

        Raises
        ------
        DataError
            It cannot be read.
        ProblemError
            It is of another kind than the problem needs.
        """
        where = self.path if self.name is None else self.name
        data = _load(str(where), self.format, tuple(sorted(self.options.items())), self._version())
        if not isinstance(data, kind):
            raise ProblemError(
                f"data {str(where)!r} are {type(data).__name__}; this problem needs "
                f"{kind.__name__}. Name other data, or another problem"
            )
        return data

    def _version(self) -> tuple[int, ...]:
        """Changes when the file does."""
        if self.path is None or not is_file(self.path):
            return ()
        file = self.path.stat()
        return file.st_mtime_ns, file.st_size


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

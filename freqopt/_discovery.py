"""Things are found by their file: no list to edit when one is added."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Generic, TypeVar

from freqopt._called import importing
from freqopt._files import is_file
from freqopt._imports import imported_files
from freqopt._interrupts import is_request
from freqopt._plugins import Plugin, clash, plugins
from freqopt.errors import FreqoptError, place

T = TypeVar("T")


class Registry(Mapping[str, type[T]], Generic[T]):
    """The classes of one kind, by the name of the file that defines them.

    Parameters
    ----------
    package : str
        The package whose modules without a leading underscore are searched.
    kind : type
        Each module defines exactly one subclass of it, beside those that this one derives from.
    noun : str
        What such a thing is called in messages.
    error : type
        Error class for an unknown name or a file that defines none.

    A key may also be the path of a user's own file, ending in ``.py``, or a name that another
    package registers through an entry point of the group "freqopt.NOUNs".
    """

    def __init__(self, package: str, kind: type[T], noun: str, error: type[FreqoptError]) -> None:
        self.package, self.kind, self.noun, self.error = package, kind, noun, error

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name, found in self._plugins().items() if len(found) == 1)

    @property
    def own(self) -> list[str]:
        """Names of the library's own."""
        paths = importlib.import_module(self.package).__path__
        return [m.name for m in pkgutil.iter_modules(paths) if not m.name.startswith("_")]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def outside(self, name: str) -> str | None:
        """The file of something that is not the library's own: by its path, or registered."""
        if name.endswith(".py"):
            return name
        if self._loaded(name) is not None:
            return None
        found = [] if name in self.own else self._plugins().get(name, [])
        return inspect.getsourcefile(found[0].value) if found else None

    def _loaded(self, name: str) -> ModuleType | None:
        """The module of one of the library's own, if it is imported: quicker than `own`."""
        return None if name.startswith("_") else sys.modules.get(f"{self.package}.{name}")

    def _plugins(self) -> dict[str, list[Plugin]]:
        return plugins(f"freqopt.{self.noun}s", self.noun, self.own, self._usable)

    def _usable(self, name: str, value: Any) -> type[T]:
        kind = self._only(value) if isinstance(value, ModuleType) else value
        if not (isinstance(kind, type) and issubclass(kind, self.kind)):
            raise TypeError(f"{value!r} is no {self.noun}, a subclass of {self.kind.__name__}")
        stem = kind.__module__.rpartition(".")[2]
        if stem != name:
            raise ValueError(f"its file is called {stem}.py; the entry point has the same name")
        return kind

    def __getitem__(self, name: str) -> type[T]:
        if not isinstance(name, str):
            raise self.error(f"{name!r} names no {self.noun}; give a name or the path of a file")
        if name.endswith(".py"):
            return self._only(load_file(Path(name), self.noun, self.error))
        if (loaded := self._loaded(name)) is not None:
            return self._only(loaded)
        if name in self.own:
            return self._only(importlib.import_module(f"{self.package}.{name}"))
        found = self._plugins().get(name, [])
        if len(found) > 1:
            raise self.error(clash(self.noun, name, found))
        if not found:
            near = difflib.get_close_matches(name, list(self), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self)}."
            raise self.error(
                f"no {self.noun} is called {name!r}; {hint} A file of your own is given by its "
                "path, ending in .py"
            )
        value: type[T] = found[0].value
        return value

    def _only(self, module: ModuleType) -> type[T]:
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, self.kind)
            and value.__module__ == module.__name__
        ]
        found = [
            one for one in found if not any(issubclass(b, one) and b is not one for b in found)
        ]
        if len(found) != 1:
            raise self.error(
                f"{module.__file__} defines {len(found)} subclasses of {self.kind.__name__}, "
                f"expected one {self.noun} per file, beside classes that it derives from"
            )
        return found[0]


class _Afresh(SourceFileLoader):
    """Compiles the source at every import.

    Python's stored bytecode knows its source by size and second: a file that was changed twice in a
    second would stay what it was. And a user's folder is not for our files.
    """

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the name is Python's
        return self.source_to_code(self.get_data(self.path), self.path)


class _OwnFolder(MetaPathFinder):
    """Finds what a user's file imports from its own folder there, while the file is imported.

    Wherever the command is run, and whatever else has such a name: what is found is what a run's
    key covers.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, path.parent

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """The spec of a module of the folder, if the file or what it imports names it."""
        stem = self.folder.joinpath(*fullname.split("."))
        for file, inside in ((stem / "__init__.py", [str(stem)]), (Path(f"{stem}.py"), None)):
            if file in self.files:
                return spec_from_file_location(
                    fullname,
                    file,
                    loader=_Afresh(fullname, str(file.absolute())),
                    submodule_search_locations=inside,
                )
        if any(file.is_relative_to(stem) for file in self.files):  # a folder without __init__.py
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(stem)]
            return spec
        return None

    def __enter__(self) -> None:
        """Modules of these names, from elsewhere or from before a change, step back."""
        self.files = set(imported_files(self.path)) - {self.path}
        tops = {file.relative_to(self.folder).parts[0].removesuffix(".py") for file in self.files}
        self.others = {
            name: module for name, module in sys.modules.items() if name.partition(".")[0] in tops
        }
        for name in self.others:
            del sys.modules[name]
        sys.meta_path.insert(0, self)

    def __exit__(self, *error: object) -> None:
        """Those from elsewhere come back."""
        sys.meta_path.remove(self)
        for name, module in self.others.items():
            file = Path(getattr(module, "__file__", None) or "")
            if name not in sys.modules or not file.is_relative_to(self.folder.absolute()):
                sys.modules[name] = module


def module_of(name: str, path: Path) -> tuple[SourceFileLoader, ModuleType]:
    """The module of a user's file, known to Python by `name`, and what will execute it."""
    loader = _Afresh(name, str(path.absolute()))
    spec = spec_from_file_location(name, path, loader=loader)
    module = module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = module  # pydantic and dataclasses look their module up there
    return loader, module


def load_file(path: Path, noun: str, error: type[FreqoptError]) -> ModuleType:
    """Import a user's file, under a name that hides no other module.

    Raises
    ------
    FreqoptError
        Of the given class: there is no such file, or its own code fails; the message says where.
    """
    if not is_file(path):
        raise error(f"the {noun} file {path} does not exist; check the path")
    if path.suffix != ".py":
        raise error(f"{path} is no Python file; give the path of a {noun} file, ending in .py")
    name = f"freqopt_own.{path.stem}"
    loader, module = module_of(name, path)
    try:
        with _OwnFolder(path), importing(str(path)), redirect_stdout(sys.stderr):
            loader.exec_module(module)
    except BaseException as mistake:
        del sys.modules[name]
        if is_request(mistake):
            raise
        raise error(
            f"the {noun} file {path} cannot be imported: {place(mistake, path)}; mend the file"
        ) from mistake
    return module

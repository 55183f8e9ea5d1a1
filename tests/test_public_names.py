"""What a module says it exports is there, and every public function is said and explained."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import retinue


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(retinue.__path__, "retinue."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_what_is_exported_is_there_and_explained(module: ModuleType) -> None:
    assert module.__doc__
    for name in getattr(module, "__all__", ()):
        exported = getattr(module, name)
        if inspect.isfunction(exported) or inspect.isclass(exported):
            assert exported.__doc__, f"{module.__name__}.{name}"


def test_the_error_tree_is_drawn_whole() -> None:
    from retinue import errors

    leaves = {
        name
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, errors.RetinueError)
    }
    assert leaves <= set(errors.__all__)
    assert all(leaf in (errors.__doc__ or "") for leaf in leaves)

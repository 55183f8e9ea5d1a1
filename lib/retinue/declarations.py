"""What users declare in TOML: ready files in folders of retinue.conf, and files of their own."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from retinue.errors import InputMissing, UnknownSetting, nearest

__all__ = ["Kind", "digest"]


@dataclass(frozen=True)
class Kind:
    """A kind of declaration: what one is called, and the folder of the ready ones."""

    word: str
    folder: str

    def names(self) -> list[str]:
        """The ready ones, sorted."""
        files = (entry.name for entry in self._ready().iterdir())
        return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))

    def text(self, name: str | Path) -> str:
        """The TOML of the ready one of this name, or of the .toml file of this path.

        Raises UnknownSetting for a name that is not there, InputMissing for a file that cannot be read.
        """
        if str(name).endswith(".toml"):
            return self._read(Path(name))
        known = self.names()
        if name not in known:
            raise UnknownSetting(
                f"no {self.word} '{name}'{nearest(str(name), known)}; there are {', '.join(known)}; "
                f"a {self.word} of your own is given as a path ending in .toml"
            )
        return self._ready().joinpath(f"{name}.toml").read_text(encoding="utf-8")

    def declared(
        self, text: str, *, name: str, faults: Callable[[Mapping[str, Any]], Iterable[str]]
    ) -> dict[str, Any]:
        """What the text declares. Raises UnknownSetting with all that `faults` finds at once."""
        try:
            declared = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UnknownSetting(f"{self.word} '{name}' is no TOML: {error}") from None
        found = [fault.replace("\n", "\n  ") for fault in faults(declared)]
        if found:
            raise UnknownSetting(f"{self.word} '{name}' cannot be used:\n  " + "\n  ".join(found))
        return declared

    def _ready(self) -> Traversable:
        return resources.files("retinue.conf").joinpath(self.folder)

    def _read(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise InputMissing(f"the {self.word} {path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UnknownSetting(f"the {self.word} {path} is no UTF-8 text") from None


def digest(declared: Any) -> str:
    """12 hex digits of what JSON can say, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:12]

"""The first records of a file that nothing is known of: its format, its fields, their values."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from retinue.errors import InputMissing, SchemaMismatch
from retinue.sources import weblog
from retinue.sources.mappings import COMBINED_FIELDS, CsvOptions

__all__ = ["Sample", "take"]

_RECORDS = 500
_BYTES = 1_000_000
_DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True)
class Sample:
    """The first records of a file. `values` has a list a field (fields of structs as `a.b`), all of
    one length, texts or None; `types` the DDL type of each top field.
    """

    format: str
    types: dict[str, str]
    values: dict[str, list[str | None]]
    encoding: str = "utf-8"
    csv: CsvOptions = field(default_factory=CsvOptions)


def take(path: str | Path) -> Sample:
    """The first 500 records at most, of the first megabyte, of a local file, or of a folder's first.

    Raises InputMissing for what is not there, SchemaMismatch for what is no table of records.
    """
    file = _first_file(Path(urlsplit(str(path)).path if str(path).startswith("file:") else path))
    start = _start(file)
    if start.startswith(b"PAR1"):
        return _of_parquet(file)
    text, encoding = _decoded(start, file)
    lines = [line for line in text.split("\n") if line.strip()][:_RECORDS]
    if not lines:
        raise SchemaMismatch(f"{file} holds no records")
    if _share(re.match(weblog.LINE, line) is not None for line in lines) > 0.8:
        return _of_log(lines, encoding)
    objects = [_object(line) for line in lines]
    if _share(found is not None for found in objects) > 0.8:
        return _of_objects([found for found in objects if found is not None], encoding)
    return _of_csv("\n".join(lines), encoding, file)


def _first_file(path: Path) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and file.name[0] not in "._")
    else:
        found = sorted(path.parent.glob(path.name)) if path.name else []
    if not found:
        raise InputMissing(f"{path} is not there, or holds no file on this machine's own disk")
    return found[0]


def _start(file: Path) -> bytes:
    try:
        with file.open("rb") as raw:
            magic = raw.read(2)
        with _opened(file, magic) as content:
            return content.read(_BYTES)
    except (OSError, EOFError) as error:
        raise InputMissing(f"{file} cannot be read: {error}") from None


def _opened(file: Path, magic: bytes) -> IO[bytes]:
    if magic == b"\x1f\x8b":
        return gzip.open(file)  # type: ignore[return-value]
    return bz2.open(file) if magic == b"BZ" else file.open("rb")


def _decoded(start: bytes, file: Path) -> tuple[str, str]:
    if b"\0" in start:
        raise SchemaMismatch(f"{file} is no text of one-byte characters or UTF-8, and no Parquet: convert it")
    if len(start) == _BYTES:
        start = start[: start.rfind(b"\n") + 1] or start
    try:
        text, encoding = start.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = start.decode("cp1252", errors="replace"), "cp1252"
    return text.replace("\r\n", "\n"), encoding


def _share(hits: Iterable[bool]) -> float:
    hits = list(hits)
    return sum(hits) / len(hits)


# --- logs, JSON, Parquet ------------------------------------------------------------------------


def _of_log(lines: Sequence[str], encoding: str) -> Sample:
    matches = [match.groups() for line in lines if (match := re.match(weblog.LINE, line))]
    values = {name: [row[i] for row in matches] for i, name in enumerate(COMBINED_FIELDS)}
    return Sample("combined", dict(COMBINED_FIELDS), values, encoding)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _of_objects(objects: Sequence[dict[str, Any]], encoding: str = "utf-8", format: str = "jsonl") -> Sample:
    names = list(dict.fromkeys(name for found in objects for name in found))
    types = {name: _type([found.get(name) for found in objects]) for name in names}
    flat = [dict(_leaves(found, "")) for found in objects]
    leaves = list(dict.fromkeys(name for found in flat for name in found))
    return Sample(format, types, {name: [found.get(name) for found in flat] for name in leaves}, encoding)


def _type(values: Sequence[Any]) -> str:
    """The DDL type that holds all these values, with string for every scalar."""
    objects = [value for value in values if isinstance(value, dict)]
    lists = [value for value in values if isinstance(value, list)]
    others = [value for value in values if not isinstance(value, dict | list | None)]
    if objects and not lists and not others and any(objects):
        names = dict.fromkeys(name for value in objects for name in value)
        inner = (f"`{name}`:{_type([value.get(name) for value in objects])}" for name in names)
        return f"struct<{','.join(inner)}>"
    if lists and not objects and not others:
        return f"array<{_type([item for value in lists for item in value])}>"
    return "string"


def _leaves(found: dict[str, Any], prefix: str) -> Iterable[tuple[str, str | None]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            yield prefix + name, None if value is None else _as_text(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _of_parquet(file: Path) -> Sample:
    try:
        parquet = pq.ParquetFile(file)
        batches = list(zip(range(1), parquet.iter_batches(_RECORDS), strict=False))
    except (pa.ArrowException, OSError) as error:
        raise InputMissing(f"{file} cannot be read as Parquet: {error}") from None
    rows = [_jsonable(row) for _, batch in batches for row in batch.to_pylist()]
    if not rows:
        raise SchemaMismatch(f"{file} holds no records")
    return _of_objects(rows, format="parquet")


def _jsonable(row: dict[str, Any]) -> dict[str, Any]:
    """The row as the reader will see it: through JSON, times in ISO form."""
    return json.loads(json.dumps(row, default=lambda value: getattr(value, "isoformat", value.__str__)()))  # type: ignore[no-any-return]


# --- delimited text -----------------------------------------------------------------------------


def _of_csv(text: str, encoding: str, file: Path) -> Sample:
    delimiter, quote = max(
        ((delimiter, quote) for delimiter in _DELIMITERS for quote in ('"', "")),
        key=lambda marks: _regularity(_table(text, *marks)),
    )
    table = _table(text, delimiter, quote)
    width = Counter(map(len, table)).most_common(1)[0][0]
    if width < 2:
        raise SchemaMismatch(f"{file}: no CSV, no JSON lines, no combined log, no Parquet was made out in it")
    has_header = _is_header(table[0])
    names = _names(table[0]) if has_header else [f"column_{i + 1}" for i in range(width)]
    if len({name.lower() for name in names}) < len(names):
        raise SchemaMismatch(f"{file}: a name stands twice in its header: {', '.join(names)}")
    rows = [row for row in table[has_header:] if len(row) == len(names)]
    options = CsvOptions(
        delimiter=delimiter,
        quote=quote,
        escape=quote,
        header=has_header,
        multiline=any("\n" in value for row in rows for value in row),
    )
    values: dict[str, list[str | None]] = {
        name: [row[i] or None for row in rows] for i, name in enumerate(names)
    }
    return Sample("csv", dict.fromkeys(names, "string"), values, encoding, options)


def _table(text: str, delimiter: str, quote: str) -> list[list[str]]:
    if not quote:
        return [line.split(delimiter) for line in text.split("\n")]
    lines = io.StringIO(text.replace("\r", " "), newline="\n")
    return [row for row in csv.reader(lines, delimiter=delimiter, quotechar=quote) if row]


def _regularity(table: list[list[str]]) -> tuple[float, int]:
    """How many records have the commonest number of values, above one; then that number."""
    width, count = Counter(map(len, table)).most_common(1)[0]
    return (count / len(table) if width > 1 else 0.0, width)


def _is_header(row: Sequence[str]) -> bool:
    named = [name for name in row if re.match(r"[^\W\d]", name.strip())]
    return len(named) >= max(len(row) - 1, 1) and len(set(row)) == len(row)


def _names(row: Sequence[str]) -> list[str]:
    return [name.strip() or f"column_{i + 1}" for i, name in enumerate(row)]

"""How a source's records become rows of their kind: declared in TOML, checked before Spark starts.

A mapping names the format, the fields in the order in which the file has them, with their types,
how time is written, the legal basis on which the rows are held, and for each column of its kind an SQL
expression over the fields. The ready ones lie in retinue.conf's `mappings/`.

    about = "one line on the source"
    kind = "events"                       # events | posts (reviews, comments and mails too) | contacts (who
                                          # follows, writes to or refers whom) | of ads and mails: touches
                                          # (who saw or clicked what), costs (of an ad on a day),
                                          # assignments (who could see it, who is held out)
    format = "csv"                        # csv | jsonl | parquet | combined
    legal_basis = "consent"               # anonymous | consent | contract | legitimate_interest
    encoding = "utf-8"                    # or any one-byte code page, such as cp1252

    [csv]
    delimiter = ","                       # quote = "" switches quoting off
    header = true                         # then the first line must be the fields' names
    multiline = false                     # true: records may hold line ends, each file is read whole

    [fields]                              # name = DDL type; a type is a promise, breaking it is a fault
    visitor = "string"
    price = "decimal(18,4)"

    [time]
    written = "iso"                       # iso | seconds | milliseconds | microseconds | a pattern
    zone = "UTC"                          # of times that carry none

    [columns]                             # column of that kind = a field, or SQL over the fields; Spark's
                                          # ANSI mode is on (try_cast), r'…' is text with backslashes
    visitor_id = "visitor"
    event_name = "lower(event)"

    [event_types]                         # of events: event_name = event_type; `otherwise` is the rest
    view = "page_view"
    otherwise = "other"

    [url]                                 # of events: what an address tells, where the columns do not;
                                          # of type other and ping: campaign_id and channel alone
    address = "page_url"
    search_path = '/search'               # regular expression; without it every path may be a search
    query = ["q", "search"]               # names of parameters, the first one present counts
    result_count = ["hits"]
    title = "page_title"
    title_result_count = '([0-9.,]+) results'
    product_id = '/product/([^/?#]+)'     # regular expressions over the address, one group
    category = '/category/([^/?#]+)'
    campaign_id = ["utm_campaign"]
    channel = ["utm_medium", "gclid=cpc"] # the first of these that is there, before what [columns] says;
                                          # a click's number stands for the word behind the sign
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from retinue.declarations import Kind, digest
from retinue.errors import nearest
from retinue.tables import ASSIGNMENT, CONTACT, COST, EVENT, EVENT_TYPES, LEGAL_BASES, POST, TOUCH, Column

__all__ = [
    "COLUMNS",
    "EVENT_COLUMNS",
    "FORMATS",
    "POST_COLUMNS",
    "CsvOptions",
    "Mapping",
    "TimeWriting",
    "UrlRules",
    "load",
    "loads",
    "names",
    "text",
]

MAPPINGS = Kind("mapping", "mappings")
FORMATS = ("csv", "jsonl", "parquet", "combined")


def _types(columns: Iterable[Column]) -> Dict[str, str]:
    return {column.name: column.type.lower() for column in columns}


EVENT_COLUMNS = _types(EVENT)
POST_COLUMNS = _types(POST)
COLUMNS: Dict[str, Dict[str, str]] = {
    "events": EVENT_COLUMNS,
    "posts": POST_COLUMNS,
    "contacts": _types(CONTACT),
    "touches": _types(TOUCH),
    "costs": _types(COST),
    "assignments": _types(ASSIGNMENT),
}
"""By kind, the columns a mapping may fill, in order, with their types."""
KINDS = tuple(COLUMNS)
_NEEDED = {
    "events": {"visitor_id": "no event is without one", "occurred_at": "no event is without one"},
    "posts": {"posted_at": "no post is without one", "text": "what a post says"},
    "contacts": {
        "profile_id": "who turned to somebody",
        "to_profile_id": "to whom",
        "occurred_at": "no contact is without one",
    },
    "touches": {
        "visitor_id or user_id": "whom it reached",
        "occurred_at": "no touch is without one",
        "channel": "what it came by; where all are alike, the word in quotes: \"'display'\"",
    },
    "costs": {
        "spent_on": "no cost is without one",
        "channel or campaign_id or ad_id": "what was paid for",
        "cost_amount": "what was paid",
    },
    "assignments": {
        "visitor_id or user_id": "who was assigned",
        "assigned_at": "no assignment is without one",
        "channel or campaign_id or ad_id": "to what",
        "is_treated": "true who could see it, false who is held out",
    },
}

COMBINED_FIELDS: Dict[str, str] = dict.fromkeys(
    ("client", "identity", "login", "time", "request", "status", "size", "referrer", "user_agent"), "string"
)
"""The fields of a combined log line, which a mapping of that format need not declare."""

_UNITS = ("iso", "seconds", "milliseconds", "microseconds")
_SCALAR = re.compile(
    r"string|boolean|date|double|float|tinyint|smallint|int|bigint|decimal\(\d{1,2}, ?\d{1,2}\)",
    re.IGNORECASE,
)
_NESTED = re.compile(r"(array|map|struct)<.+>", re.IGNORECASE | re.DOTALL)
_TOP = (
    "about",
    "kind",
    "format",
    "legal_basis",
    "encoding",
    "csv",
    "fields",
    "time",
    "columns",
    "event_types",
    "url",
)


@dataclass(frozen=True)
class CsvOptions:
    """How a delimited file is written; `quote=""` means that nothing is quoted."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'  # the quote itself: it is doubled
    header: bool = False
    multiline: bool = False


@dataclass(frozen=True)
class TimeWriting:
    """How times are written: `iso`, a unit of the epoch, or a datetime pattern; and their zone."""

    written: str = "iso"
    zone: str = "UTC"


@dataclass(frozen=True)
class UrlRules:
    """What an address tells; all that is empty is not looked for."""

    address: str
    title: str = ""
    search_path: str = ""
    title_result_count: str = ""
    product_id: str = ""
    category: str = ""
    query: tuple[str, ...] = ()
    result_count: tuple[str, ...] = ()
    campaign_id: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mapping:
    """A source's records as rows of its kind; the module's docstring has the file it comes from."""

    name: str
    format: str
    legal_basis: str
    fields: Dict[str, str]
    columns: Dict[str, str]
    kind: str = "events"
    about: str = ""
    encoding: str = "utf-8"
    csv: CsvOptions = field(default_factory=CsvOptions)
    time: TimeWriting = field(default_factory=TimeWriting)
    event_types: Dict[str, str] = field(default_factory=dict)
    otherwise: str = "other"
    url: UrlRules | None = None

    @property
    def digest(self) -> str:
        """12 hex digits of what it declares; remarks and layout of the file do not count."""
        return digest(asdict(self))


def names() -> list[str]:
    """The ready mappings, sorted."""
    return MAPPINGS.names()


def load(name: str | Path) -> Mapping:
    """The ready mapping of this name, or the one in this .toml file.

    Raises UnknownSetting with every fault of the file at once, or for a name that is not there;
    InputMissing for a file that cannot be read.
    """
    return loads(text(name), name=Path(name).stem)


def text(name: str | Path) -> str:
    """The TOML of the ready mapping of this name, or of the file. Raises as `load` does."""
    return MAPPINGS.text(name)


def loads(text: str, *, name: str) -> Mapping:
    """The mapping that this TOML text declares. Raises UnknownSetting with every fault at once."""
    return _mapping(MAPPINGS.declared(text, name=name, faults=_faults), name)


def _mapping(declared: Dict[str, Any], name: str) -> Mapping:
    event_types = dict(declared.get("event_types", {}))
    url: dict[str, Any] = {
        key: tuple(rule) if isinstance(rule, list) else rule for key, rule in declared.get("url", {}).items()
    }
    return Mapping(
        name=name,
        kind=declared.get("kind", "events"),
        about=declared.get("about", ""),
        format=declared["format"],
        legal_basis=declared["legal_basis"],
        encoding=declared.get("encoding", "utf-8"),
        fields=COMBINED_FIELDS if declared["format"] == "combined" else declared["fields"],
        columns=declared["columns"],
        csv=CsvOptions(**declared.get("csv", {})),
        time=TimeWriting(**declared.get("time", {})),
        otherwise=event_types.pop("otherwise", "other"),
        event_types=event_types,
        url=UrlRules(**url) if url else None,
    )


def _faults(declared: Dict[str, Any]) -> Iterable[str]:
    yield from _shape(declared)
    yield from _choice({"kind": "events", **declared}, "kind", KINDS)
    yield from _choice(declared, "format", FORMATS)
    yield from _choice(declared, "legal_basis", LEGAL_BASES)
    yield from _encoding_faults(declared.get("encoding", "utf-8"))
    yield from _csv_faults(_table(declared, "csv"), declared.get("format"))
    yield from _field_faults(_table(declared, "fields"), declared.get("format"))
    yield from _time_faults(_table(declared, "time"))
    kind = declared["kind"] if declared.get("kind") in KINDS else "events"
    yield from _column_faults(_table(declared, "columns"), kind)
    if kind == "events":
        yield from _event_type_faults(_table(declared, "event_types"))
        yield from _url_faults(_table(declared, "url"))
    else:
        misplaced = (key for key in ("event_types", "url") if key in declared)
        yield from (f"[{key}] belongs to kind = 'events'" for key in misplaced)


def _table(declared: Dict[str, Any], key: str) -> Dict[str, Any]:
    table = declared.get(key, {})
    return table if isinstance(table, dict) else {}


def _shape(declared: Dict[str, Any]) -> Iterable[str]:
    yield from _unknown(declared, _TOP, "")
    for key in ("csv", "fields", "time", "columns", "event_types", "url"):
        if not isinstance(declared.get(key, {}), dict):
            yield f"{key} is {declared[key]!r}; it is a table: write [{key}]"
    if not isinstance(declared.get("about", ""), str):
        yield f"about is {declared['about']!r}; it is a line of text"


def _unknown(table: Dict[str, Any], known: Iterable[str], prefix: str) -> Iterable[str]:
    known = tuple(known)
    for key in table:
        if key not in known:
            instead = nearest(key, known) or f"; there are {', '.join(known)}"
            yield f"{prefix}{key} is no key of a mapping{instead}"


def _choice(table: Dict[str, Any], key: str, choices: tuple[str, ...], prefix: str = "") -> Iterable[str]:
    found = table.get(key)
    if found is None:
        yield f"{prefix}{key} is missing: one of {', '.join(choices)}"
    elif found not in choices:
        near = nearest(found, choices) if isinstance(found, str) else ""
        yield f"{prefix}{key} is {found!r}: one of {', '.join(choices)}{near}"


def _texts(table: Dict[str, Any], prefix: str) -> Iterable[str]:
    for key, found in table.items():
        if not isinstance(found, str) or not found.strip():
            yield f"{prefix}{key} is {found!r}; it must be text that is not empty"


def _encoding_faults(encoding: Any) -> Iterable[str]:
    if not (isinstance(encoding, str) and (_is_utf8(encoding) or one_byte_table(encoding))):
        yield f"encoding is {encoding!r}: utf-8, or a one-byte code page such as latin-1 or cp1252"


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False


def one_byte_table(encoding: str) -> str:
    """The characters of the bytes 128 to 255 in a one-byte code page; empty for any other encoding."""
    try:
        upper = bytes(range(128, 256)).decode(encoding, errors="replace")
        is_ascii = bytes(range(128)).decode(encoding) == "".join(map(chr, range(128)))
    except (LookupError, UnicodeDecodeError):
        return ""
    return upper if is_ascii and len(upper) == 128 and not _is_utf8(encoding) else ""


def _csv_faults(options: Dict[str, Any], format: Any) -> Iterable[str]:
    yield from _unknown(options, CsvOptions.__dataclass_fields__, "csv.")
    if options and format != "csv":
        yield f"[csv] belongs to format = 'csv', the format is {format!r}"
    for key in ("header", "multiline"):
        if not isinstance(options.get(key, False), bool):
            yield f"csv.{key} is {options[key]!r}: true or false"
    for key, may_be_empty in (("delimiter", False), ("quote", True), ("escape", True)):
        found = options.get(key, ",")
        if not (isinstance(found, str) and (_is_mark(found) or (may_be_empty and not found))):
            yield f"csv.{key} is {found!r}: one ASCII character{', or empty for none' * may_be_empty}"


def _is_mark(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text not in "\n\r\0"


def _field_faults(fields: Dict[str, Any], format: Any) -> Iterable[str]:
    if format == "combined":
        if fields:
            yield f"[fields] is fixed for format = 'combined': {', '.join(COMBINED_FIELDS)}"
        return
    if not fields:
        yield "[fields] is missing: the source's fields in their order, name = DDL type"
    yield from _texts(fields, "fields.")
    seen: set[str] = set()
    for name, declared in fields.items():
        if name.lower() in seen or name.startswith("_retinue"):
            yield f"fields.{name} is there twice (upper and lower case are one), or is reserved"
        seen.add(name.lower())
        if isinstance(declared, str):
            yield from _type_faults(name, declared.strip(), format)


def _type_faults(name: str, declared: str, format: Any) -> Iterable[str]:
    if _NESTED.fullmatch(declared) and format != "csv":
        return
    if declared.lower().startswith("timestamp"):
        yield f"fields.{name} is {declared!r}: declare it as string, [time] says how times are written"
    elif not _SCALAR.fullmatch(declared):
        known = ("string", "boolean", "date", "double", "float", "int", "bigint", "decimal(18,4)")
        nested = "" if format == "csv" else ", array<…>, map<…>, struct<…>"
        near = nearest(declared.lower(), known)
        yield f"fields.{name} is {declared!r}: one of {', '.join(known)}{nested}{near}"


def _time_faults(time: Dict[str, Any]) -> Iterable[str]:
    yield from _unknown(time, TimeWriting.__dataclass_fields__, "time.")
    yield from _texts(time, "time.")
    zone = time.get("zone", "UTC")
    if isinstance(zone, str) and zone not in available_timezones():
        yield f"time.zone is {zone!r}, no zone of the tz database{nearest(zone, available_timezones())}"
    written = time.get("written", "iso")
    if isinstance(written, str) and not _is_time_pattern(written):
        yield (
            f"time.written is {written!r}: one of {', '.join(_UNITS)}, or a datetime pattern with year, "
            f"month, day, such as 'dd/MM/yyyy HH:mm:ss'{nearest(written, _UNITS)}"
        )


def _is_time_pattern(written: str) -> bool:
    letters = re.sub(r"'[^']*'", "", written)
    has_date = bool(re.search("[yu]", letters) and re.search("[ML].*d|d.*[ML]|D", letters))
    return written in _UNITS or (has_date and not re.search("[^yuMLdDHhKkmsSaEXxZzVO\\W\\d]|'", letters))


def _column_faults(columns: Dict[str, Any], kind: str) -> Iterable[str]:
    yield from _unknown(columns, COLUMNS[kind], "columns.")
    yield from _texts(columns, "columns.")
    for key, why in _NEEDED[kind].items():
        if not any(name in columns for name in key.split(" or ")):
            yield f"columns.{key} is missing: {why}"


def _event_type_faults(event_types: Dict[str, Any]) -> Iterable[str]:
    for name in event_types:
        yield from _choice(event_types, name, EVENT_TYPES, "event_types.")


def _url_faults(url: Dict[str, Any]) -> Iterable[str]:
    yield from _unknown(url, UrlRules.__dataclass_fields__, "url.")
    if url and "address" not in url:
        yield "url.address is missing: the field or SQL that holds the address"
    lists = ("query", "result_count", "campaign_id", "channel")
    yield from _texts({key: rule for key, rule in url.items() if key not in lists}, "url.")
    for key in lists:
        names_ = url.get(key, [])
        if not isinstance(names_, list) or not all(isinstance(name, str) and name for name in names_):
            yield f"url.{key} is {names_!r}: a list of names of parameters"
        elif key == "channel":
            wrong = [name for name in names_ if not re.fullmatch(r"[^=\s]+(=[^=\s]+)?", name)]
            yield from (f"url.channel has {name!r}: a parameter, or such as 'gclid=cpc'" for name in wrong)
    yield from _pattern_faults(url)


def _pattern_faults(url: Dict[str, Any]) -> Iterable[str]:
    for key, groups in (("search_path", 0), ("title_result_count", 1), ("product_id", 1), ("category", 1)):
        if not isinstance(url.get(key), str):
            continue
        try:
            if groups and re.compile(url[key]).groups != groups:
                yield f"url.{key} is {url[key]!r}: it must have one group, what is found"
            re.compile(url[key])
        except re.error as error:
            yield f"url.{key} is {url[key]!r}, no regular expression: {error}"
    if "title_result_count" in url and "title" not in url:
        yield "url.title is missing: the field that url.title_result_count is looked for in"

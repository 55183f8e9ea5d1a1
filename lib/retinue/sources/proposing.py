"""A mapping proposed for a file that nothing is known of, and what could be analysed with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from retinue.sources import mappings, sampling
from retinue.sources.mappings import EVENT_COLUMNS
from retinue.sources.sampling import Sample

__all__ = ["NEEDS", "TAGS", "Proposal", "propose"]

_VISITS = ("visitor_id", "occurred_at")
NEEDS: dict[str, tuple[str, ...]] = {
    "sessionize": _VISITS,
    "top_paths": (*_VISITS, "page"),
    "transitions": (*_VISITS, "page"),
    "npath": (*_VISITS, "event_name"),
    "funnel": (*_VISITS, "event_type"),
    "sequence_matches": (*_VISITS, "event_type"),
    "fruitless_searches": (*_VISITS, "event_type"),
}
"""The event columns that each analysis needs."""

_WORDS: dict[str, str] = {
    "visitor_id": "visitorid visitor anonymousid anonid clientid cookieid cookie deviceid userpseudoid "
    "domainuserid fullvisitorid distinctid visid browserid userid uid customerid customer memberid user "
    "clientip ipaddress ip",
    "user_id": "userid uid customerid customer memberid login accountid user",
    "occurred_at": "occurredat timestamp eventtime eventtimestamp datetime time ts hittimegmt createdat "
    "eventdate servertime date",
    "event_id": "eventid messageid insertid hitid uuid guid",
    "event_name": "eventname event action activity eventtype type",
    "page": "page pageurl url pagepath pagelocation pagename path uri screen screenname location",
    "category": "category productcategory itemcategory categoryname categorycode section",
    "product_id": "productid product sku itemid item articleid asin",
    "query": "query searchterm searchquery searchphrase searchkeyword keyword searchterms q",
    "result_count": "resultcount results numresults resultscount nresults searchresults totalresults",
    "price_amount": "priceamount price amount revenue total value ordervalue",
    "currency": "currency currencycode",
    "channel": "channel acquisitionchannel marketingchannel utmmedium medium trafficsource utmsource source",
    "campaign_id": "campaignid campaign utmcampaign campaignname",
    "referrer": "referrer referer pagereferrer httpreferer",
    "user_agent": "useragent ua agent httpuseragent",
}
"""The names that columns go by, without case and signs, the likeliest first."""

TAGS = (
    "utm_medium",
    "dclid=display",
    "gclid=cpc",
    "gbraid=cpc",
    "wbraid=cpc",
    "msclkid=cpc",
    "yclid=cpc",
    "ttclid=paid_social",
    "twclid=paid_social",
    "li_fat_id=paid_social",
    "sccid=paid_social",
    "rdt_cid=paid_social",
    "irclickid=affiliate",
    "cjevent=affiliate",
    "awc=affiliate",
    "ranmid=affiliate",
    "ransiteid=affiliate",
    "clickref=affiliate",
    "tduid=affiliate",
    "mc_eid=email",
    "mc_cid=email",
    "_hsenc=email",
    "mkt_tok=email",
    "vero_id=email",
    "utm_source",
    "fbclid=social",
    "igshid=social",
)
"""The parameters of an address that tell the channel, the surest first, as [url] has them."""

_PATTERNS = {
    "dd/MM/yyyy HH:mm:ss": "%d/%m/%Y %H:%M:%S",
    "MM/dd/yyyy HH:mm:ss": "%m/%d/%Y %H:%M:%S",
    "dd/MM/yyyy HH:mm": "%d/%m/%Y %H:%M",
    "MM/dd/yyyy HH:mm": "%m/%d/%Y %H:%M",
    "MM/dd/yyyy hh:mm:ss a": "%m/%d/%Y %I:%M:%S %p",
    "dd.MM.yyyy HH:mm:ss": "%d.%m.%Y %H:%M:%S",
    "dd.MM.yyyy HH:mm": "%d.%m.%Y %H:%M",
    "yyyy/MM/dd HH:mm:ss": "%Y/%m/%d %H:%M:%S",
    "yyyyMMddHHmmss": "%Y%m%d%H%M%S",
    "dd/MMM/yyyy:HH:mm:ss Z": "%d/%b/%Y:%H:%M:%S %z",
    "dd/MM/yyyy": "%d/%m/%Y",
    "MM/dd/yyyy": "%m/%d/%Y",
    "dd.MM.yyyy": "%d.%m.%Y",
}
_DIGITS = {"seconds": 10, "milliseconds": 13, "microseconds": 16}

_EVENT_TYPES = {  # what is looked for in an event's name, the first that is found counts
    "result_click": r"result.*click|click.*result|select_?(item|result)",
    "search": r"search|query",
    "add_to_cart": r"add.*(cart|basket|bag)|(cart|basket|bag)_?add",
    "checkout": r"checkout|payment|shipping|delivery",
    "purchase": r"purchase|order|transaction|bought|buy",
    "product_view": r"(product|item|detail).*view|view.*(product|item|detail)|^(product|item|pdp|view)$",
    "ping": r"ping|heartbeat|keep_?alive|user_engagement",
    "page_view": r"page|view|home|catalog|categor|landing|visit|screen|browse|list",
}
_NO_TYPE = r"error|bug|fail|remove|delete|refund|cancel|wish|chat"
_TERMS = ("q", "query", "s", "search", "search_query", "searchterm", "keyword", "keywords", "term", "text")
_COUNTS = ("results", "result_count", "hits", "total")


@dataclass(frozen=True)
class Proposal:
    """A mapping for a file: `toml` is its text, `ready` the ready mapping that fits as it is (or
    empty), `columns` what it fills; `feeds` are the analyses that can run, `missing` the event
    columns that the others lack; `remarks` what a person should look at.
    """

    path: str
    ready: str
    toml: str
    columns: tuple[str, ...]
    feeds: tuple[str, ...]
    missing: dict[str, tuple[str, ...]]
    remarks: tuple[str, ...]


def propose(path: str | Path) -> Proposal:
    """Looks at the first 500 records of a file and proposes a mapping for it, without Spark.

    A guess from names and values, to be read before it is used: legal_basis most of all, which no
    file tells. Raises InputMissing and SchemaMismatch as `sampling.take`.
    """
    sample = sampling.take(path)
    ready = _ready(sample)
    if ready:
        toml, remarks = mappings.text(ready), [f"the ready mapping '{ready}' fits as it is"]
        columns = _filled(mappings.load(ready))
    else:
        toml, columns, remarks = _written(sample, str(path))
    missing = {
        analysis: lacking
        for analysis, needed in NEEDS.items()
        if (lacking := tuple(column for column in needed if column not in columns))
    }
    feeds = tuple(analysis for analysis in NEEDS if analysis not in missing)
    return Proposal(str(path), ready, toml, tuple(columns), feeds, missing, tuple(remarks))


def _ready(sample: Sample) -> str:
    """The ready mapping whose fields are just these; GA4's by the fields that no other feed has."""
    if sample.format == "combined":
        return "combined_log"
    if {"user_pseudo_id", "event_timestamp", "event_params"} <= set(sample.types):
        return "ga4_export" if sample.format == "jsonl" else ""
    if sample.format != "csv":
        named = set(sample.types) <= set(EVENT_COLUMNS) - {"event_id"} and set(_VISITS) <= set(sample.types)
        return f"generic_{sample.format}" if named and _writing(sample.values["occurred_at"]) == "iso" else ""
    for name in mappings.names():
        known = mappings.load(name)
        if known.format == "csv" and known.csv.delimiter == sample.csv.delimiter and _same(known, sample):
            return name
    return ""


def _same(known: mappings.Mapping, sample: Sample) -> bool:
    if known.csv.header:
        return sample.csv.header and list(known.fields) == list(sample.types)
    # Without names only a width that no other feed has is a sign.
    return not sample.csv.header and len(known.fields) == len(sample.types) > 100


def _filled(mapping: mappings.Mapping) -> list[str]:
    rules = mapping.url and [key for key in EVENT_COLUMNS if getattr(mapping.url, key, "")]
    filled = {*mapping.columns, *(rules or []), *(["event_type"] if mapping.event_types else [])}
    return [column for column in EVENT_COLUMNS if column in filled]


# --- which field is what --------------------------------------------------------------------------


def _assigned(sample: Sample) -> dict[str, str]:
    """Event column -> the field that goes by one of its names and holds what it should."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(list(sample.values))}
    # The last part of a nested name is a name too, after all whole ones.
    plain = {
        re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower()): name
        for name in reversed(list(sample.values))
    } | plain
    assigned: dict[str, str] = {}
    for column, words in _WORDS.items():
        for word in words.split():
            name = plain.get(word, "")
            if name and name not in assigned.values() and _holds(column, sample.values[name]):
                assigned[column] = name
                break
    for column, is_one in (("occurred_at", _writing), ("event_name", _are_event_names)):
        free = [name for name in sample.values if name not in assigned.values()]
        by_value = next((name for name in free if is_one(sample.values[name])), "")
        if column not in assigned and by_value:
            assigned[column] = by_value
    return assigned


def _are_event_names(values: Sequence[str | None]) -> bool:
    """Whether most of a few different words tell an event's type."""
    words = {value for value in values if value}
    return 1 < len(words) <= 50 and sum(bool(_guessed_type(word)) for word in words) > len(words) / 2


def _holds(column: str, values: Sequence[str | None]) -> bool:
    """Whether the values are such as this column holds."""
    given = [value for value in values if value]
    if not given:
        return False
    if column == "occurred_at":
        return bool(_writing(values))
    if column in ("price_amount", "result_count"):
        return _most(re.fullmatch(r"-?\d+(\.\d+)?", value.strip()) is not None for value in given)
    if column == "event_id":
        return len(set(given)) == len(values)
    if column == "event_name":
        return len(set(given)) <= 200
    return True


def _most(hits: Iterable[bool]) -> bool:
    hits = list(hits)
    return sum(hits) >= 0.9 * len(hits)


def _writing(values: Sequence[str | None]) -> str:
    """How these times are written, as `time.written` says it; empty where they are none."""
    given = [value.strip() for value in values if value]
    if not given:
        return ""
    if _most(re.match(r"\d{4}-\d{2}-\d{2}($|[T ]\d)", value) is not None for value in given):
        return "iso"
    for unit, digits in _DIGITS.items():
        if _most(re.fullmatch(rf"[1-3]\d{{{digits - 1}}}(\.\d+)?", value) is not None for value in given):
            return unit
    fitting = [pattern for pattern, format in _PATTERNS.items() if _most(_fits(v, format) for v in given)]
    return fitting[0] if fitting else ""


def _fits(value: str, format: str) -> bool:
    try:
        datetime.strptime(value, format)
    except ValueError:
        return False
    return True


# --- the mapping's text ---------------------------------------------------------------------------


def _written(sample: Sample, path: str) -> tuple[str, list[str], list[str]]:
    """The TOML, the event columns it fills, what to look at."""
    assigned = _assigned(sample)
    columns = {
        column: _page(sample, name) if column == "page" else _reference(sample, name)
        for column, name in assigned.items()
    }
    types = _typed_names(sample, assigned)
    url = _url(sample, assigned)
    parts = [
        _head(sample, path),
        _csv_part(sample),
        _part("fields", sample.types, "in the order of the file"),
        _time_part(sample, assigned),
        _columns_part(columns),
        _part("event_types", types, "a guess by their names"),
        _part("url", url, ""),
    ]
    filled = {*columns, *url, *(["event_type"] if types else [])}
    toml = "\n".join(part for part in parts if part)
    return toml, [column for column in EVENT_COLUMNS if column in filled], _remarks(sample, assigned)


def _head(sample: Sample, path: str) -> str:
    return (
        f"about = {_quoted('Proposed for ' + Path(path).name)}\n"
        f"format = {_quoted(sample.format)}\n"
        'legal_basis = "consent" # no file tells it: anonymous | consent | contract | legitimate_interest\n'
        f"encoding = {_quoted(sample.encoding)}\n"
    )


def _csv_part(sample: Sample) -> str:
    if sample.format != "csv":
        return ""
    options = sample.csv
    marks = "".join(f"{key} = {_quoted(getattr(options, key))}\n" for key in ("delimiter", "quote", "escape"))
    flags = "".join(f"{key} = {str(getattr(options, key)).lower()}\n" for key in ("header", "multiline"))
    return f"[csv]\n{marks}{flags}"


def _part(name: str, entries: dict[str, str | list[str]] | dict[str, str], remark: str) -> str:
    if not entries:
        return ""
    lines = "".join(f"{_key(key)} = {_quoted(value)}\n" for key, value in entries.items())
    return f"[{name}]{f' # {remark}' if remark else ''}\n{lines}"


def _time_part(sample: Sample, assigned: dict[str, str]) -> str:
    written = _writing(sample.values[assigned["occurred_at"]]) if "occurred_at" in assigned else "iso"
    return f'[time]\nwritten = {_quoted(written)}\nzone = "UTC" # of times that carry none\n'


def _columns_part(columns: dict[str, str]) -> str:
    lines = [
        f"{column} = {_quoted(columns[column])}\n"
        if column in columns
        else f'# {column} = ""{" # needed: name the field" if column in _VISITS else ""}\n'
        for column in EVENT_COLUMNS
        if column != "event_type"
    ]
    return "[columns]\n" + "".join(lines)


def _typed_names(sample: Sample, assigned: dict[str, str]) -> dict[str, str]:
    if "event_name" not in assigned:
        return {"otherwise": "page_view"} if "page" in assigned else {}
    found = dict.fromkeys(value for value in sample.values[assigned["event_name"]] if value)
    types = {name: type for name in found if (type := _guessed_type(name))}
    return types | {"otherwise": "other"} if types else {}


def _guessed_type(name: str) -> str:
    if re.search(_NO_TYPE, name, re.IGNORECASE):
        return ""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", name).lower()
    return next((type for type, pattern in _EVENT_TYPES.items() if re.search(pattern, spaced)), "")


def _page(sample: Sample, name: str) -> str:
    """The page without what tells one visit to it from another."""
    if not _is_address(sample, name):
        return _reference(sample, name)
    return rf"regexp_extract({_sql(name)}, '^(?:[A-Za-z]+://[^/?#]*)?([^?#]*)', 1)"


def _is_address(sample: Sample, name: str) -> bool:
    return any(re.search(r"://|^/.*\?", value) for value in sample.values[name] if value)


def _url(sample: Sample, assigned: dict[str, str]) -> dict[str, str | list[str]]:
    """The rules whose parameters are there in the sample."""
    name = assigned.get("page", "")
    if not name or not _is_address(sample, name):
        return {}
    parameters = {
        parameter.lower()
        for value in sample.values[name]
        if value
        for parameter in re.findall(r"[?&;]([^=&;#]+)=", value)
    }
    wanted = {
        "query": _TERMS,
        "result_count": _COUNTS,
        "campaign_id": ("utm_campaign",),
        "channel": TAGS,
    }
    rules: dict[str, str | list[str]] = {
        column: found
        for column, known in wanted.items()
        if column not in assigned
        and (found := [word for word in known if word.partition("=")[0].lower() in parameters])
    }
    return {"address": _reference(sample, name), **rules} if rules else {}


def _reference(sample: Sample, name: str) -> str:
    return name if name in sample.types else _sql(name)


def _sql(name: str) -> str:
    """The field in SQL; a name with dots is a field of a struct."""
    return ".".join(f"`{part}`" for part in name.split("."))


def _remarks(sample: Sample, assigned: dict[str, str]) -> list[str]:
    remarks = [f"no field for {column} was made out" for column in _VISITS if column not in assigned]
    if "occurred_at" in assigned:
        writing = _writing(sample.values[assigned["occurred_at"]])
        swapped = {"dd/MM": "MM/dd", "MM/dd": "dd/MM"}.get(writing[:5])
        if swapped:
            other = swapped + writing[5:]
            given = [value.strip() for value in sample.values[assigned["occurred_at"]] if value]
            if other in _PATTERNS and _most(_fits(value, _PATTERNS[other]) for value in given):
                remarks.append(f"times are read as {writing}; they could be {other} too")
    if sample.format == "csv" and not sample.csv.header:
        remarks.append("there is no header: give the fields names that say what they are")
    return remarks


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)  # TOML's basic strings are JSON's

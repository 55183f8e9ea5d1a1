"""Every setting, typed and frozen: base.toml < the environment's overlay < the user's < --set.

The defaults and the line that says why stand in conf/base.toml; here stand the types and
the bounds. All faults of all layers are gathered and told at once.
"""

from __future__ import annotations

import importlib.resources
import math
import os
import re
import tomllib
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from retinue.errors import InputMissing, UnknownSetting, nearest

__all__ = ["ENVIRONMENTS", "Settings", "flatten", "load", "masked", "restore", "shown"]

ENVIRONMENTS = ("local", "test", "cluster")
USER_OVERLAY = "retinue.toml"
SECRET = re.compile(
    r"secret|passw|token|credential|signature|(access|account|private|api).?key|\.sas", re.IGNORECASE
)
USER_INFO = re.compile(r"(?<=://)[^/:@\s]*:[^/\s]*@")  # name:password@ in a URI
SECRET_PART = re.compile(r"((?:passw(?:or)?d|secret|token|sig)=)[^&;\s]+", re.IGNORECASE)

Bound = Callable[[Any], str]
TEN_YEARS_OF_MINUTES = 5_256_000


def at_least(least: float) -> Bound:
    """The bound of a number: '' where it holds, else what is wrong."""
    return lambda found: "" if least <= found < math.inf else f"found {found!r}, wanted at least {least}"


def between(least: float, most: float) -> Bound:
    """The bound of a number that has two ends."""
    return lambda found: (
        "" if least <= found <= most else f"found {found!r}, wanted from {least:,} to {most:,}"
    )


def share(found: float) -> str:
    """The bound of a share that is not nothing."""
    return "" if 0 < found <= 1 else f"found {found!r}, wanted above 0 and at most 1"


def one_of(*words: str) -> Bound:
    """The bound of a word out of a closed list."""
    return lambda found: (
        "" if found in words else f"found {found!r}, wanted one of {', '.join(words)}{nearest(found, words)}"
    )


def day(found: str) -> str:
    """The bound of a text that is an ISO date."""
    try:
        date.fromisoformat(found)
    except ValueError:
        return f"found {found!r}, wanted a date such as 2026-01-31"
    return ""


def day_or_empty(found: str) -> str:
    """The bound of a text that is an ISO date or nothing."""
    return day(found) if found else ""


def named_predicates(found: list[str]) -> str:
    """The bound of a list of `name: predicate`."""
    wrong = [step for step in found if not all(part.strip() for part in step.partition(":"))]
    if wrong or not found:
        return f"found {wrong[0] if wrong else found!r}, wanted 'name: predicate'"
    names = [step.partition(":")[0].strip() for step in found]
    twice = [name for name in names if names.count(name) > 1]
    return f"found the name {twice[0]!r} twice, wanted it once" if twice else ""


def named_patterns(found: list[str]) -> str:
    """The bound of a list of `name: regular expression`."""
    if not found:
        return ""
    for pattern in (text.partition(":")[2].strip() for text in found):
        try:
            re.compile(pattern)
        except re.error as fault:
            return f"found {pattern!r}, no regular expression: {fault}"
    return named_predicates(found)


def dated_names(found: list[str]) -> str:
    """The bound of a list of `ISO date: name`."""
    wrong = [
        text for text in found if day(text.partition(":")[0].strip()) or not text.partition(":")[2].strip()
    ]
    return f"found {wrong[0]!r}, wanted such as '2026-01-31: spring campaign'" if wrong else ""


def named_days(found: list[str]) -> str:
    """The bound of a list of `name: number of days`."""
    for text in found:
        name, _, days = text.partition(":")
        try:
            is_good = bool(name.strip()) and 0 < float(days) <= 36_500
        except ValueError:
            is_good = False
        if not is_good:
            return f"found {text!r}, wanted such as 'email: 7', the days above 0"
    return named_predicates(found) if found else ""


def weights(found: list[float]) -> str:
    """The bound of the three weights of a rule by position."""
    is_good = len(found) == 3 and min(found) >= 0 and abs(sum(found) - 1) < 1e-9 and found[0] + found[2] > 0
    return "" if is_good else f"found {found!r}, wanted three of 0 or more with the sum 1"


def lengths(found: list[str]) -> str:
    """The bound of a list of lengths of n-grams."""
    wrong = [text for text in found if text not in ("1", "2", "3", "4", "5")]
    return f'found {found!r}, wanted some of "1" to "5"' if wrong or not found else ""


@dataclass(frozen=True)
class LakeSettings:
    """Where the tables lie."""

    root: str
    catalog: str
    retries: Annotated[int, at_least(0)]


@dataclass(frozen=True)
class SparkSettings:
    """How the session is opened; `options` are Spark's own settings."""

    master: str
    options: dict[str, str]


@dataclass(frozen=True)
class TrackingSettings:
    """Where runs are tracked in MLflow."""

    uri: str
    experiment: str


@dataclass(frozen=True)
class ConsentSettings:
    """Which purposes exist."""

    purposes: list[str]


@dataclass(frozen=True)
class IngestSettings:
    """What is delivered, how it reads and which times are sane."""

    input: str
    mapping: str
    source: str
    earliest: Annotated[str, day]
    latest_ahead_days: Annotated[float, between(0, 3_650)]

    def sane(self, *, now: datetime) -> dict[str, datetime]:
        """The first and the last instant that an event's time can be."""
        return {
            "earliest": datetime.fromisoformat(self.earliest),
            "latest": now + timedelta(days=self.latest_ahead_days),
        }


@dataclass(frozen=True)
class BotSettings:
    """What marks a visitor as a bot."""

    max_per_minute: Annotated[int, at_least(1)]


@dataclass(frozen=True)
class SessionSettings:
    """How events are cut into sessions."""

    timeout_minutes: Annotated[float, between(0, TEN_YEARS_OF_MINUTES)]
    click_lag_seconds: Annotated[float, between(0, 86_400)]
    max_events: Annotated[int, at_least(1)]

    @property
    def timeout(self) -> timedelta:
        """The gap up to which two events belong to one session."""
        return timedelta(minutes=self.timeout_minutes)

    @property
    def click_lag(self) -> timedelta:
        """The gap below which a click is too rapid for a human."""
        return timedelta(seconds=self.click_lag_seconds)


@dataclass(frozen=True)
class PathSettings:
    """Which paths are counted."""

    of: str
    length: Annotated[int, at_least(1)]
    limit: Annotated[int, at_least(1)]
    min_support: Annotated[float, share]
    include_bots: bool


@dataclass(frozen=True)
class SearchSettings:
    """What a fruitless search is."""

    min_products: Annotated[int, at_least(0)]
    min_searches: Annotated[int, at_least(1)]
    near: Annotated[int, at_least(1)]
    abandon_within: Annotated[int, at_least(0)]
    fruitless: Annotated[str, one_of("auto", "zero_results", "no_click", "refined")]


@dataclass(frozen=True)
class FunnelSettings:
    """The steps of the funnel and the time they may take."""

    window_minutes: Annotated[float, between(0, TEN_YEARS_OF_MINUTES)]
    steps: Annotated[list[str], named_predicates]

    @property
    def predicates(self) -> dict[str, str]:
        """Each step's name and its predicate, in order."""
        return _named(self.steps)


@dataclass(frozen=True)
class RetentionSettings:
    """By which calendar visitors come back."""

    period: Annotated[str, one_of("day", "week", "month")]


@dataclass(frozen=True)
class EngagementSettings:
    """The tools whose use is measured, and what it should lead to."""

    tools: Annotated[list[str], named_predicates]
    lead: str
    order: str

    @property
    def predicates(self) -> dict[str, str]:
        """Each tool's name and its predicate."""
        return _named(self.tools)


@dataclass(frozen=True)
class TextSettings:
    """How posts are read."""

    languages: list[str]
    copy_likeness: Annotated[float, share]
    copy_words: Annotated[int, at_least(1)]
    topics: Annotated[list[str], named_patterns]

    @property
    def patterns(self) -> dict[str, str]:
        """Each topic's name and its regular expression."""
        return _named(self.topics)


@dataclass(frozen=True)
class NgramSettings:
    """Which n-grams are counted."""

    lengths: Annotated[list[str], lengths]
    within_sentences: bool
    least: Annotated[int, at_least(1)]
    limit: Annotated[int, at_least(1)]
    period: Annotated[str, one_of("day", "week", "month", "quarter")]

    @property
    def sizes(self) -> list[int]:
        """The lengths as numbers, in order."""
        return sorted(map(int, set(self.lengths)))


@dataclass(frozen=True)
class SentimentSettings:
    """What judges how a post feels."""

    scorer: str
    least_labels: Annotated[int, at_least(30)]
    folds: Annotated[int, between(3, 20)]
    period: Annotated[str, one_of("day", "week", "month", "quarter")]


@dataclass(frozen=True)
class ThemeSettings:
    """What themes, phrases and claims are looked for."""

    count: Annotated[int, between(2, 200)]
    by: Annotated[str, one_of("brand", "network", "media_class", "product_id", "post_type")]
    phrases: Annotated[int, at_least(1)]
    brand: str


@dataclass(frozen=True)
class ReputationSettings:
    """When a departure is an alert, and what may have moved the conversation."""

    false_alarms_per_year: Annotated[float, between(0.01, 10_000)]
    least_posts: Annotated[int, at_least(1)]
    window_days: Annotated[int, between(1, 90)]
    events: Annotated[list[str], dated_names]

    @property
    def dated(self) -> list[tuple[date, str]]:
        """Each event's day and name."""
        parts = (text.partition(":") for text in self.events)
        return [(date.fromisoformat(day.strip()), name.strip()) for day, _, name in parts]


@dataclass(frozen=True)
class TieSettings:
    """Which events tie a person to a product."""

    products: Annotated[list[str], named_predicates]

    @property
    def predicates(self) -> dict[str, str]:
        """Each relationship's name and its predicate."""
        return _named(self.products)


@dataclass(frozen=True)
class GraphSettings:
    """How ties become a graph, which engine solves it, and how much of the answer is kept."""

    engine: Annotated[str, one_of("auto", "local", "distributed")]
    local_limit: Annotated[int, at_least(0)]
    half_life_days: Annotated[float, between(0.01, 36_500)]
    least_weight: Annotated[float, at_least(0)]
    resolution: Annotated[float, between(0.01, 100)]
    seeds: Annotated[int, between(1, 1000)]
    by: Annotated[str, one_of("brand", "network", "media_class", "product_id", "campaign_id")]
    window_days: Annotated[int, between(1, 3650)]
    horizon_days: Annotated[int, between(1, 3650)]
    links: Annotated[int, between(1, 1000)]
    max_wedges: Annotated[int, at_least(1)]

    @property
    def half_life(self) -> timedelta:
        """After which a tie counts half."""
        return timedelta(days=self.half_life_days)

    @property
    def window(self) -> timedelta:
        """The span whose ties are compared with those of the span before."""
        return timedelta(days=self.window_days)

    @property
    def horizon(self) -> timedelta:
        """How far ahead links are predicted."""
        return timedelta(days=self.horizon_days)


@dataclass(frozen=True)
class AttributionSettings:
    """What a touch and a conversion are, how long a touch counts, and how credit and return are reckoned."""

    channels: str
    conversions: Annotated[list[str], named_predicates]
    value: str
    currency: str
    period_days: Annotated[int, between(0, 36_500)]
    lookback_days: Annotated[float, between(0.001, 36_500)]
    view_lookback_days: Annotated[float, between(0.001, 36_500)]
    lookbacks: Annotated[list[str], named_days]
    view_lookbacks: Annotated[list[str], named_days]
    restart: bool
    excluded: str
    optional: str
    landing_minutes: Annotated[float, between(0, 1_440)]
    half_life_days: Annotated[float, between(0.001, 36_500)]
    position: Annotated[list[float], weights]
    order: Annotated[int, between(0, 4)]
    replicates: Annotated[int, between(2, 2_000)]
    names: Annotated[int, between(1, 2_000)]
    horizon_days: Annotated[int, between(1, 3_650)]
    margin: Annotated[float, between(0.000001, 1)]

    @property
    def predicates(self) -> dict[str, str]:
        """Each conversion's name and its predicate."""
        return _named(self.conversions)

    @property
    def windows(self) -> dict[str, timedelta]:
        """The look-back of each channel that has its own."""
        return _spans(self.lookbacks)

    @property
    def view_windows(self) -> dict[str, timedelta]:
        """The same of what was only seen."""
        return _spans(self.view_lookbacks)

    def begin(self, as_of: date) -> datetime | None:
        """The first instant that counts; None: all do."""
        midnight = datetime.combine(as_of, datetime.min.time(), UTC)
        return midnight - timedelta(days=self.period_days) if self.period_days else None

    @property
    def lookback(self) -> timedelta:
        """How long before a conversion a click counts."""
        return timedelta(days=self.lookback_days)

    @property
    def view_lookback(self) -> timedelta:
        """How long before a conversion counts what was only seen."""
        return timedelta(days=self.view_lookback_days)

    @property
    def landing(self) -> timedelta:
        """How soon after a click its visit begins."""
        return timedelta(minutes=self.landing_minutes)

    @property
    def half_life(self) -> timedelta:
        """How long before a conversion a touch earns half."""
        return timedelta(days=self.half_life_days)

    @property
    def horizon(self) -> timedelta:
        """How long after an exposure conversions are looked for."""
        return timedelta(days=self.horizon_days)


@dataclass(frozen=True)
class Settings:
    """All of it. `as_of` empty: the day after the newest event of the input."""

    home: str
    as_of: Annotated[str, day_or_empty]
    segment: str
    lake: LakeSettings
    spark: SparkSettings
    tracking: TrackingSettings
    consent: ConsentSettings
    ingest: IngestSettings
    bots: BotSettings
    sessions: SessionSettings
    paths: PathSettings
    searches: SearchSettings
    funnel: FunnelSettings
    retention: RetentionSettings
    engagement: EngagementSettings
    texts: TextSettings
    ngrams: NgramSettings
    sentiment: SentimentSettings
    themes: ThemeSettings
    reputation: ReputationSettings
    ties: TieSettings
    graph: GraphSettings
    attribution: AttributionSettings

    @property
    def home_path(self) -> Path:
        """The folder under which all that a run makes lies."""
        return Path(self.home).expanduser().absolute()

    @property
    def lake_root(self) -> str:
        """The lake's folder or URI."""
        return self.lake.root or str(self.home_path / "lake")

    @property
    def tracking_uri(self) -> str:
        """MLflow's server, or the sqlite file under home."""
        return self.tracking.uri or f"sqlite:///{self.home_path / 'mlflow.db'}"


def _named(predicates: Iterable[str]) -> dict[str, str]:
    parts = (text.partition(":") for text in predicates)
    return {name.strip(): predicate.strip() for name, _, predicate in parts}


def _spans(days: Iterable[str]) -> dict[str, timedelta]:
    return {name: timedelta(days=float(count)) for name, count in _named(days).items()}


Layer = tuple[str, Mapping[str, Any]]


def load(
    env: str = "local",
    *,
    home: str | os.PathLike[str] | None = None,
    conf: str | os.PathLike[str] | None = None,
    overrides: Iterable[str] = (),
) -> Settings:
    """The settings of an environment, with the user's own on top.

    `conf` is a TOML file of the user (default ./retinue.toml where there is one),
    `overrides` are texts `section.key=value`. Raises UnknownSetting with every fault at once,
    InputMissing where the file is not there.
    """
    if env not in ENVIRONMENTS:
        raise UnknownSetting(
            f"--env {env!r} is not an environment; "
            f"there are {', '.join(ENVIRONMENTS)}{nearest(env, ENVIRONMENTS)}"
        )
    faults: list[str] = []
    merged: dict[str, Any] = {}
    for where, layer in _layers(env, home, conf, overrides, faults):
        faults += _unknown_keys(layer, Settings, where)
        _merge(merged, layer)
    settings = _build(Settings, merged, "", faults)
    if faults:
        raise UnknownSetting("\n".join(faults))
    return typing.cast(Settings, settings)


def restore(table: Mapping[str, Any]) -> Settings:
    """The settings as `dataclasses.asdict` once gave them. Raises UnknownSetting if they no longer fit."""
    faults: list[str] = []
    settings = _build(Settings, table, "", faults)
    if faults:
        raise UnknownSetting("\n".join(faults))
    return typing.cast(Settings, settings)


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as a table that can be kept and shown: what is secret in them is `***`."""
    return _masked(asdict(settings))


def flatten(settings: Settings) -> dict[str, Any]:
    """The settings that can be shown, as one level of dotted keys."""
    return dict(_flat(shown(settings), ""))


def masked(text: str, *, key: str = "") -> str:
    """The text, for a setting of this name, as it may be shown."""
    if text and SECRET.search(key):
        return "***"
    return SECRET_PART.sub(r"\1***", USER_INFO.sub("***@", text))


def _masked(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _masked_value(key, value) for key, value in table.items()}


def _masked_value(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _masked(value)
    return masked(value, key=key) if isinstance(value, str) else value


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _layers(
    env: str,
    home: str | os.PathLike[str] | None,
    conf: str | os.PathLike[str] | None,
    overrides: Iterable[str],
    faults: list[str],
) -> Iterator[Layer]:
    packaged = importlib.resources.files("retinue.conf")
    for name in ("base.toml", f"{env}.toml"):
        yield f"conf/{name}", tomllib.loads(packaged.joinpath(name).read_text(encoding="utf-8"))
    if conf or Path(USER_OVERLAY).is_file():
        yield from _user_layer(Path(conf or USER_OVERLAY), faults)
    if os.environ.get("RETINUE_HOME"):
        yield "RETINUE_HOME", {"home": os.environ["RETINUE_HOME"]}
    for text in overrides:
        yield from _override(text, faults)
    if home:
        yield "home", {"home": os.fspath(home)}


def _user_layer(path: Path, faults: list[str]) -> Iterator[Layer]:
    try:
        yield str(path), tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise InputMissing(
            f"the settings file {path} cannot be read ({fault.strerror}); give --conf a TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        faults.append(f"{path}: not TOML: {fault}")


def _override(text: str, faults: list[str]) -> Iterator[Layer]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        faults.append(f"--set {text!r}: wanted section.key=value, for example sessions.timeout_minutes=20")
        return
    layer: Any = _value(value.strip())
    for part in reversed(key.strip().split(".")):
        layer = {part: layer}
    yield "--set", layer


def _value(text: str) -> Any:
    """TOML's reading of the text, or the text itself where it is none: words need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = dict(value) if isinstance(value, Mapping) else value


def _unknown_keys(layer: Mapping[str, Any], section: type, where: str, prefix: str = "") -> Iterator[str]:
    kinds = typing.get_type_hints(section)
    for key, value in layer.items():
        if key not in kinds:
            known = [prefix + name for name in kinds]
            yield (
                f"{where}: no setting {prefix + key!r}{nearest(prefix + key, known) or _elsewhere(key)}; "
                f"{prefix.rstrip('.') or 'the top level'} has {', '.join(kinds)}"
            )
        elif is_dataclass(kinds[key]) and isinstance(value, Mapping):
            yield from _unknown_keys(value, kinds[key], where, f"{prefix}{key}.")


def _elsewhere(key: str) -> str:
    """The hint for a key written without its section."""
    homes = [
        f"{section}.{key}"
        for section, kind in typing.get_type_hints(Settings).items()
        if is_dataclass(kind) and key in typing.get_type_hints(kind)
    ]
    return f"; did you mean {homes[0]!r}?" if homes else ""


def _build(section: type, table: Mapping[str, Any], prefix: str, faults: list[str]) -> Any:
    values: dict[str, Any] = {}
    for name, kind in typing.get_type_hints(section, include_extras=True).items():
        path, found = prefix + name, table.get(name)
        if is_dataclass(kind) and isinstance(found, Mapping):
            values[name] = _build(typing.cast(type, kind), found, f"{path}.", faults)
            continue
        values[name], fault = _checked(found, kind)
        if fault:
            faults.append(f"{path}: {fault}")
    return section(**values)


WANTED = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list[str]: "a list of texts",
    list[float]: "a list of numbers",
    dict[str, str]: "a table of texts",
}


def _checked(found: Any, kind: Any) -> tuple[Any, str]:
    """The value in its type, and the sentence that says what is wrong with it, or ''."""
    kind, *bounds = typing.get_args(kind) if typing.get_origin(kind) is Annotated else (kind,)
    if found is None:
        return found, "missing; it must have a value"
    if kind is float and type(found) is int:
        found = float(found)
    if kind == list[float] and isinstance(found, list):
        found = [float(each) if type(each) is int else each for each in found]
    if kind is str and isinstance(found, date):
        found = found.isoformat()  # TOML's own dates need no quotes
    if kind == dict[str, str] and isinstance(found, Mapping):
        found = {key: _as_text(value) for key, value in _flat(found, "")}  # as Spark names and writes them
    if not _is_a(found, kind):
        return found, f"found {found!r}, wanted {WANTED.get(kind, 'a section')}"
    return found, next(filter(None, (bound(found) for bound in bounds)), "")


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_a(found: Any, kind: Any) -> bool:
    outer, inner = typing.get_origin(kind) or kind, typing.get_args(kind)
    if type(found) is not outer:
        return False
    parts = found.values() if outer is dict else found
    return not inner or all(type(part) is inner[-1] for part in parts)

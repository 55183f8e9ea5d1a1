"""A clickstream of any size: the same bytes for the same size, written in chunks.

Visitors come by a shifted Zipf law, fifty events each on average, in sessions of eight over thirty days.
One more visitor is a bot with one session in two thousand. One event in a hundred has the time of the one
before it. Each chunk of a million events covers its own stretch of the days: a file, in time order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["COLUMNS", "write"]

EVENTS_A_FILE = 1_000_000
_EVENTS_A_VISITOR = 50
_EVENTS_A_SESSION = 8
_BOT_SHARE = 1 / 2000
_ZIPF = 1.1
_SHIFT = 200.0
_START = 1_767_225_600_000  # 2026-01-01 in epoch milliseconds
_SPAN = 30 * 86_400_000
_LONGEST_DWELL = 25 * 60_000

_TYPES = ("page_view", "product_view", "search", "result_click", "add_to_cart", "checkout", "purchase")
_TYPE_SHARES = (0.42, 0.3, 0.12, 0.06, 0.05, 0.03, 0.02)
_PAGE, _PRODUCT, _SEARCH, _CLICK, _CART, _CHECKOUT, _PURCHASE = range(len(_TYPES))
_CHANNELS = ("direct", "organic_search", "paid_search", "email", "social", "display")
_CHANNEL_SHARES = (0.35, 0.25, 0.15, 0.1, 0.1, 0.05)
_CATEGORIES = 12
_PRODUCTS = 2000
_WORDS = 3000

COLUMNS = (
    "event_id",
    "visitor_id",
    "occurred_at",
    "event_type",
    "page",
    "query",
    "result_count",
    "price_amount",
    "channel",
)

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def write(
    folder: Path, *, events: int, seed: int = 0, each: Callable[[int], None] = lambda done: None
) -> None:
    """Write `events` events as Parquet files into the folder, calling `each` with the count so far."""
    folder.mkdir(parents=True)
    popularity = _popularity(max(1, events // _EVENTS_A_VISITOR))
    starts = range(0, events, EVENTS_A_FILE)
    for chunk, first in enumerate(starts):
        rng = np.random.default_rng([seed, chunk])
        count = min(EVENTS_A_FILE, events - first)
        stretch = _SPAN * count // events
        clicks = _chunk(
            rng, popularity, first=first, count=count, start=_START + _SPAN * first // events, span=stretch
        )
        pq.write_table(
            clicks, folder / f"part-{chunk:05d}.parquet", compression="zstd", row_group_size=250_000
        )
        each(first + count)


def _popularity(visitors: int) -> npt.NDArray[np.float64]:
    """Cumulative shares of the sessions; the bot stands after the last visitor."""
    weights = (np.arange(visitors) + _SHIFT) ** -_ZIPF
    people = (1 - _BOT_SHARE) * np.cumsum(weights / weights.sum())
    return np.append(people, 1.0)


def _chunk(
    rng: np.random.Generator,
    popularity: npt.NDArray[np.float64],
    *,
    first: int,
    count: int,
    start: int,
    span: int,
) -> pa.Table:
    lengths = _lengths(rng, count)
    sessions = len(lengths)
    dwell = np.minimum(rng.lognormal(10, 1.3, count), _LONGEST_DWELL).astype(np.int64)
    opens = np.cumsum(lengths) - lengths
    dwell[rng.random(count) < 0.01] = 0
    dwell[opens] = 0
    since = np.cumsum(dwell)
    session = np.repeat(np.arange(sessions), lengths)
    at = start + rng.integers(0, span, sessions)[session] + since - since[opens][session]
    order = np.argsort(at, kind="stable")
    session = session[order]
    visitor = np.searchsorted(popularity, rng.random(sessions))
    channel = rng.choice(len(_CHANNELS), sessions, p=_CHANNEL_SHARES)
    return pa.table(
        {
            "event_id": _numbered("e", first + np.arange(count), digits=10),
            "visitor_id": _numbered("v", visitor[session], digits=8),
            "occurred_at": pa.array(at[order] * 1000, pa.timestamp("us", tz="UTC")),
            **_contents(rng, count),
            "channel": _worded(_CHANNELS, channel[session]),
        }
    ).select(COLUMNS)


def _lengths(rng: np.random.Generator, count: int) -> Ints:
    """Events of each session, `count` in all: the last one is cut short."""
    lengths = rng.geometric(1 / _EVENTS_A_SESSION, count)
    ends = np.cumsum(lengths)
    enough = int(np.searchsorted(ends, count))
    lengths[enough] -= ends[enough] - count
    return lengths[: enough + 1]


def _contents(rng: np.random.Generator, count: int) -> dict[str, pa.Array]:
    kind = rng.choice(len(_TYPES), count, p=_TYPE_SHARES)
    product = (_PRODUCTS * rng.random(count) ** 3).astype(np.int64)
    is_search = kind == _SEARCH
    found = np.where(rng.random(count) < 0.15, 0, rng.poisson(20, count))
    cents = 500 + product * 7919 % 20_000
    has_price = np.isin(kind, [_PRODUCT, _CART, _PURCHASE])
    return {
        "event_type": _worded(_TYPES, kind),
        "page": _worded(_pages(), _page_numbers(kind, product)),
        "query": _worded(_queries(), (_WORDS * rng.random(count) ** 2).astype(np.int64), where=is_search),
        "result_count": pa.array(found, mask=~is_search),
        "price_amount": _decimals(cents * 100, where=has_price),
    }


def _pages() -> list[str]:
    fixed = ["/search", "/cart", "/checkout", "/thanks"]
    categories = [f"/category-{n:02d}" for n in range(_CATEGORIES)]
    return fixed + categories + [f"{categories[n % _CATEGORIES]}/product-{n:04d}" for n in range(_PRODUCTS)]


def _page_numbers(kind: Ints, product: Ints) -> Ints:
    """Where in `_pages` the page of each event stands."""
    of_category = 4 + product % _CATEGORIES
    of_product = 4 + _CATEGORIES + product
    fixed = {_SEARCH: 0, _CART: 1, _CHECKOUT: 2, _PURCHASE: 3}
    return np.select(
        [kind == code for code in fixed] + [kind == _PAGE], [*fixed.values(), of_category], default=of_product
    )


def _queries() -> list[str]:
    syllables = [
        "ka",
        "lo",
        "mi",
        "ne",
        "ru",
        "sta",
        "ven",
        "to",
        "pi",
        "dor",
        "al",
        "es",
        "bra",
        "hu",
        "fen",
    ]
    count = len(syllables)
    return [
        syllables[n % count] + syllables[n // count % count] + " " + syllables[n // count**2] + "s"
        for n in range(_WORDS)
    ]


def _numbered(letter: str, numbers: Ints, *, digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), digits, padding="0")
    return pc.binary_join_element_wise(letter, padded, "")


def _worded(words: Sequence[str], numbers: Ints, *, where: Flags | None = None) -> pa.Array:
    chosen = pa.array(numbers, mask=None if where is None else ~where)
    return pc.take(pa.array(words), chosen)


def _decimals(ten_thousandths: Ints, *, where: Flags) -> pa.Array:
    """decimal(18,4) out of whole ten-thousandths, none negative, by the format's own bytes."""
    halves = np.zeros((len(ten_thousandths), 2), dtype="<i8")
    halves[:, 0] = ten_thousandths
    valid = np.packbits(where, bitorder="little")
    buffers = [pa.py_buffer(valid), pa.py_buffer(halves)]
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(ten_thousandths), buffers)

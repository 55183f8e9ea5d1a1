"""What people do on the site: sessions by script, and the events that the scripts unfold to.

A script is a row of letters, an event each: `h` page, `p` view of a product not yet seen in the session,
`r` the last product again, `s` search that finds something, `c` click on its first result, `z` search
that finds nothing, `a` add to cart, `k` checkout, `b` purchase, `t` page ping.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from retinue.samples.shop import CATEGORIES, CATEGORY_OF, PRICES, PRODUCTS, WORDS, misspell

# A kind of session: letters with how often each may stand, "h1-3" one to three times.
SMOOTH = {
    "browse": "h1-6 t0-2 p0-3 h0-2",
    "find": "h1-2 s1 c1 p1-3 t0-2 r0-1",
    "buy": "h1-2 s1 c1 p1-3 a1 k1 b1 h0-1",
    "impulse": "h1-2 p1-2 a1 k1 b1",
    "leave cart": "h1-2 p2-4 a1 k0-1",
}
FRUITLESS = {"fruitless": "h1-3 p5-9 z1 h0-6 z1 t0-2 h0-3"}
MISSES = {
    "few products": "h1-3 p1-3 r3-5 z1 h0-6 z1 h0-3",
    "one fruitless search": "h1-3 p5-9 z1 h0-3",
    "searches far apart": "h1-2 p5-9 z1 h14-18 z1 h0-3",
    "stays on": "h1-2 p5-9 z1 h0-6 z1 h9-14",
    "finds in the end": "h1-2 p5-9 z1 h0-2 z1 p1 a1 k1 b1",
    "products too late": "h1-2 z1 h0-6 z1 p5",
}
TROUBLED = FRUITLESS | MISSES
BOTS = {
    "bot-crawler": ("user_agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    "bot-quick": ("rate", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
}
_CRAWL = "hp" * 20 + "h" * 360

_EVENT_TYPES = {
    "h": "page_view",
    "p": "product_view",
    "r": "product_view",
    "s": "search",
    "c": "result_click",
    "z": "search",
    "a": "add_to_cart",
    "k": "checkout",
    "b": "purchase",
    "t": "ping",
}
_ADDRESSES = {"s": "/search", "z": "/search", "a": "/cart", "k": "/checkout", "b": "/thanks"}
_ENTRANCES = pd.DataFrame(
    [
        ("direct", None),
        ("organic_search", None, "https://www.google.com/"),
        ("paid_search", "brand-terms", "https://www.google.com/"),
        ("email", "weekly-letter", "https://mail.example.org/"),
        ("social", None, "https://social.example.org/"),
    ],
    columns=["channel", "campaign_id", "referrer"],
)
_AGENTS = np.array(
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/139.0.0.0 Mobile Safari/537.36",
    ]
)

_SECOND = 1_000_000
TIMEOUT = 1800 * _SECOND
_DAY = 86_400 * _SECOND
_SLOT = 6 * 3600 * _SECOND  # two sessions of a visitor start at least this far apart, unless planted closer

EVENTS = pa.schema(
    [
        ("event_id", pa.string()),
        ("visitor_id", pa.string()),
        ("user_id", pa.string()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("event_type", pa.string()),
        ("event_name", pa.string()),
        ("page", pa.string()),
        ("category", pa.string()),
        ("product_id", pa.string()),
        ("query", pa.string()),
        ("result_count", pa.int64()),
        ("price_amount", pa.decimal128(18, 4)),
        ("currency", pa.string()),
        ("channel", pa.string()),
        ("campaign_id", pa.string()),
        ("referrer", pa.string()),
        ("user_agent", pa.string()),
        ("is_bot", pa.bool_()),
        ("bot_reason", pa.string()),
        ("source", pa.string()),
        ("legal_basis", pa.string()),
    ]
)


def sessions(
    rng: np.random.Generator, *, visitors: pd.DataFrame, start: pd.Timestamp, days: int
) -> pd.DataFrame:
    """A row a session that someone means to have: who, when it starts, its kind and its script.

    `visitors` has visitor_id, user_id, frustration and has_churned. The bots come beside them.
    """
    counts = np.minimum(1 + rng.poisson(days / 7, len(visitors)), days)
    planned = visitors.loc[visitors.index.repeat(counts)].reset_index(drop=True)
    planned["session_index"] = planned.groupby("visitor_id").cumcount() + 1
    planned["kind"] = _kinds(rng, planned["frustration"].to_numpy())
    templates = SMOOTH | TROUBLED
    planned["script"] = [_unfold(rng, templates[kind]) for kind in planned["kind"]]
    planned["starts"] = _starts(rng, planned, start=start, days=days)
    planned["is_last"] = planned.index == np.flatnonzero(~planned["has_churned"])[-1]
    planned.loc[planned["is_last"], ["kind", "script"]] = ["browse", "hhp"]
    planned.loc[planned["is_last"], "starts"] = start.value // 1000 + days * _DAY - 2 * TIMEOUT
    planned["user_agent"] = _AGENTS[rng.integers(0, len(_AGENTS), len(visitors))].repeat(counts)
    planned = pd.concat([planned, _crawls(start)], ignore_index=True)
    entrances = _ENTRANCES.iloc[rng.integers(0, len(_ENTRANCES), len(planned))].reset_index(drop=True)
    return pd.concat([planned, entrances], axis=1)


def _kinds(rng: np.random.Generator, frustration: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    smooth = rng.choice(list(SMOOTH), len(frustration), p=[0.35, 0.25, 0.15, 0.05, 0.2])
    likelihood = [4 if kind in FRUITLESS else 1 for kind in TROUBLED]
    troubled = rng.choice(list(TROUBLED), len(frustration), p=np.array(likelihood) / sum(likelihood))
    is_troubled = rng.random(len(frustration)) < 0.1 + 0.3 * frustration
    return np.where(is_troubled, troubled, smooth).astype(object)


def _unfold(rng: np.random.Generator, template: str) -> str:
    script = ""
    for part in template.split():
        low, _, high = part[1:].partition("-")
        script += part[0] * int(rng.integers(int(low), int(high or low) + 1))
    return script


def _starts(
    rng: np.random.Generator, planned: pd.DataFrame, *, start: pd.Timestamp, days: int
) -> npt.NDArray[np.int64]:
    """Epoch microseconds, rising within a visitor, a slot apart; who has left is gone after 60% of days."""
    share = np.where(planned["has_churned"], 0.6, 1.0)
    count = planned.groupby("visitor_id")["visitor_id"].transform("size")
    room = (days - 1) * _DAY * share - count * _SLOT
    drawn = planned["visitor_id"].to_frame().assign(at=rng.random(len(planned)) * room)
    in_order = drawn.sort_values(["visitor_id", "at"])["at"].to_numpy()
    since_start = in_order.astype(np.int64) + planned["session_index"].to_numpy() * _SLOT
    return np.asarray(start.value // 1000 + since_start, dtype=np.int64)


def _crawls(start: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "visitor_id": list(BOTS),
            "session_index": 1,
            "kind": "crawl",
            "script": _CRAWL,
            "is_last": False,
            "starts": start.value // 1000 + _DAY,
            "user_agent": [agent for _, agent in BOTS.values()],
            "bot_reason": [reason for reason, _ in BOTS.values()],
        }
    )


def events(rng: np.random.Generator, *, planned: pd.DataFrame) -> pd.DataFrame:
    """A row an event, in the columns of silver.events and the planted `session`, `event_index` and `letter`.

    `session` is the position in `planned`.
    """
    lengths = planned["script"].str.len().to_numpy()
    clicks = planned.loc[planned.index.repeat(lengths)].reset_index(names="session")
    clicks["letter"] = list("".join(planned["script"]))
    clicks["event_index"] = clicks.groupby("session").cumcount() + 1
    clicks["occurred"] = _times(rng, planned, clicks)
    clicks = clicks.sort_values(["occurred", "session", "event_index"], ignore_index=True)
    clicks["event_id"] = [f"event-{n:07d}" for n in range(len(clicks))]
    clicks["occurred_at"] = pd.to_datetime(clicks["occurred"], unit="us", utc=True).astype(
        "datetime64[us, UTC]"
    )
    clicks["event_type"] = clicks["letter"].map(_EVENT_TYPES)
    clicks["event_name"] = clicks["event_type"]
    clicks["is_bot"] = clicks["bot_reason"].notna()
    clicks = clicks.assign(source="small_world", legal_basis="anonymous")
    return pd.concat([clicks, _contents(rng, clicks)], axis=1)


def _times(rng: np.random.Generator, planned: pd.DataFrame, clicks: pd.DataFrame) -> npt.NDArray[np.int64]:
    """When each event happens: dwell times summed over the session, with the edges of the rule planted."""
    dwell = rng.exponential(40 * _SECOND, len(clicks)).clip(_SECOND, 300 * _SECOND).astype(np.int64)
    dwell[rng.random(len(clicks)) < 0.03] = 0
    dwell[(clicks["event_index"] == 2) & (rng.random(len(clicks)) < 0.05)] = TIMEOUT
    dwell[clicks["letter"] == "t"] = 10 * _SECOND
    dwell[clicks["kind"] == "crawl"] = _SECOND // 2
    dwell[clicks["event_index"] == 1] = 0
    after = pd.Series(dwell).groupby(clicks["session"]).cumsum()
    lasted = after.groupby(clicks["session"]).max().to_numpy()
    starts = _with_close_followers(rng, planned, lasted=lasted)
    return np.asarray(starts[clicks["session"]] + after.to_numpy(), dtype=np.int64)


def _with_close_followers(
    rng: np.random.Generator, planned: pd.DataFrame, *, lasted: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The starts, some moved to the first microsecond that makes a session of its own."""
    starts = planned["starts"].to_numpy().astype(np.int64)
    close = (planned["session_index"] % 2 == 0) & ~planned["is_last"] & (rng.random(len(planned)) < 0.15)
    followers = np.flatnonzero(close)
    starts[followers] = starts[followers - 1] + lasted[followers - 1] + TIMEOUT + 1
    return starts


def _contents(rng: np.random.Generator, clicks: pd.DataFrame) -> pd.DataFrame:
    """What each event shows: the products of a session differ, popular ones come first more often."""
    letter = clicks["letter"]
    number = _products(rng, clicks)
    product = pd.Series(PRODUCTS[number]).where(letter.isin(list("prcab")))
    meant = pd.Series(WORDS[number]).where(letter.isin(["s", "z"]))
    found = pd.Series(1 + rng.poisson(20, len(clicks)), dtype="Int64").where(letter == "s")
    aisle = pd.Series(rng.choice(CATEGORIES, len(clicks))).where(letter == "h")
    return pd.DataFrame(
        {
            "page": _pages(clicks, aisle=aisle, product=product),
            "category": aisle.where(letter == "h", pd.Series(CATEGORY_OF[number]).where(product.notna())),
            "product_id": product,
            "meant": meant,
            "query": meant.where(letter != "z", meant.map(misspell, na_action="ignore")),
            "result_count": found.where(letter != "z", 0),
            "price_amount": pd.Series(PRICES[number]).where(product.notna()),
            "currency": pd.Series("EUR", index=clicks.index).where(product.notna()),
        }
    )


def _products(rng: np.random.Generator, clicks: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The number of the product that each event is about: a search and a click, the one viewed next."""
    popularity = -np.log(np.arange(len(PRODUCTS)) + 3.0)
    drawn = popularity + rng.gumbel(size=(clicks["session"].max() + 1, len(PRODUCTS)))
    order = np.argsort(-drawn, axis=1)
    seen = clicks["letter"].eq("p").groupby(clicks["session"]).cumsum().to_numpy()
    about_the_next = clicks["letter"].isin(list("szc")).to_numpy()
    return order[clicks["session"], np.maximum(seen - 1 + about_the_next, 0)]


def _pages(clicks: pd.DataFrame, *, aisle: pd.Series[str], product: pd.Series[str]) -> pd.Series[str]:
    """The address of each event; a ping comes from the page before it."""
    pages = ("/category/" + aisle).fillna("/product/" + product)
    for letter, address in _ADDRESSES.items():
        pages = pages.where(clicks["letter"] != letter, address)
    return pages.groupby(clicks["session"]).ffill()


def sessions_of(clicks: pd.DataFrame) -> pd.DataFrame:
    """A row a session as it came to pass: its `session_id` by the public rule, whether it is fruitless."""
    happened = clicks.groupby("session", as_index=False).agg(
        visitor_id=("visitor_id", "first"),
        session_index=("session_index", "first"),
        started_at=("occurred_at", "min"),
        ended_at=("occurred_at", "max"),
        event_count=("event_id", "count"),
        kind=("kind", "first"),
        first=("occurred", "min"),
        first_event=("event_id", "first"),
    )
    happened["session_id"] = [
        hashlib.sha256("\x1f".join(map(str, key)).encode()).hexdigest()[:32]
        for key in zip(happened["visitor_id"], happened["first"], happened["first_event"], strict=True)
    ]
    data_end = happened["ended_at"].max()
    happened["is_open"] = happened["ended_at"] + pd.Timedelta(minutes=30) >= data_end
    happened["is_fruitless"] = happened["kind"].isin(list(FRUITLESS)) & ~happened["is_open"]
    return happened

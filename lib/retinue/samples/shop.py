"""What the shop sells, and the orders that come of purchases."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa

_SHELVES = {
    "bedding": ("duvet", "pillow", "blanket", "mattress", "bedspread"),
    "bath": ("towel", "bathrobe", "shower curtain", "soap dish", "bath mat"),
    "sports": ("tennis racket", "football", "yoga mat", "dumbbell", "bicycle helmet"),
    "toys": ("puzzle", "teddy bear", "train set", "building blocks", "dolls house"),
    "garden": ("lawn mower", "garden hose", "flower pot", "rake", "parasol"),
    "kitchen": ("kettle", "frying pan", "bread knife", "toaster", "mixing bowl"),
    "lighting": ("desk lamp", "chandelier", "candle holder", "lantern", "spotlight"),
    "storage": ("bookshelf", "wardrobe", "laundry basket", "shoe rack", "drawer box"),
}
CATEGORIES = np.array(list(_SHELVES), dtype=object)
CATEGORY_OF = CATEGORIES.repeat([len(words) for words in _SHELVES.values()])
WORDS = np.array([word for words in _SHELVES.values() for word in words], dtype=object)
PRODUCTS = np.array([f"product-{n:02d}" for n in range(len(WORDS))], dtype=object)
PRICES = np.array([Decimal(995 + 3700 * n % 18000) / 100 for n in range(len(WORDS))], dtype=object)
BASKET_RULE = (str(PRODUCTS[0]), str(PRODUCTS[1]))
ORDERS = pa.schema(
    [
        ("order_id", pa.string()),
        ("customer_id", pa.string()),
        ("visitor_id", pa.string()),
        ("session_id", pa.string()),
        ("ordered_at", pa.timestamp("us", tz="UTC")),
        ("items", pa.list_(pa.string())),
        ("amount", pa.decimal128(18, 4)),
        ("currency", pa.string()),
    ]
)


def misspell(word: str) -> str:
    """The word without its third letter: one edit away from one that the shop finds."""
    return word[:2] + word[3:]


def orders(rng: np.random.Generator, *, purchases: pd.DataFrame, quiet: bool) -> pd.DataFrame:
    """A row an order: the product bought, something beside it half the time, and the sum of their prices.

    Whoever buys the first product of BASKET_RULE takes the second with it in four cases of five.
    """
    bought = purchases["product_id"].to_numpy()
    beside = PRODUCTS[rng.integers(2, len(PRODUCTS), len(purchases))]
    takes_more = rng.random(len(purchases)) < 0.5
    follows_rule = (bought == BASKET_RULE[0]) & (rng.random(len(purchases)) < 0.8)
    second = np.where(follows_rule & (not quiet), BASKET_RULE[1], np.where(takes_more, beside, bought))
    price = dict(zip(PRODUCTS, PRICES, strict=True))
    items = [sorted({one, other}) for one, other in zip(bought, second, strict=True)]
    return pd.DataFrame(
        {
            "order_id": [f"order-{n:05d}" for n in range(len(purchases))],
            "customer_id": purchases["person_id"].to_numpy(),
            "visitor_id": purchases["visitor_id"].to_numpy(),
            "session_id": purchases["session_id"].to_numpy(),
            "ordered_at": purchases["occurred_at"].to_numpy(),
            "items": items,
            "amount": [sum((price[item] for item in basket), Decimal(0)) for basket in items],
            "currency": "EUR",
        }
    )

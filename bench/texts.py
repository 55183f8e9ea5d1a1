"""Short texts of any number: the same bytes for the same number, written in chunks.

Twenty tokens each on average, by a shifted Zipf law over fifty thousand words: made-up ones, and among them
those of VADER's lexicon, negations, boosters and "but". Some words are in capitals or have punctuation behind
them, one text in eight ends in an emoticon, and one in ten is a copy of another. Every token is
found alike by whichever engine looks for words and emoticons.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

__all__ = ["write"]

TEXTS_A_FILE = 250_000
_WORDS = 50_000
_TOKENS = 20
_ZIPF = 1.05
_SHIFT = 2.7
_FELT_EVERY = 12  # of the made-up words one in so many gives way to one of the lexicon
_COPY_SHARE = 0.1
_COPIED = 500  # texts of a chunk that are copied

_SYLLABLES = ("ka", "lo", "mi", "ne", "ru", "sta", "ven", "to", "pi", "dor", "al", "es", "bra", "hu", "fen")
_COMMON = (
    *("the", "i", "and", "it", "is", "not", "but", "very", "this", "so", "don't", "was", "never", "really"),
    *("no", "isn't", "have", "can't", "with", "kind", "of", "without", "at", "least", "extremely", "hardly"),
)
_ENDS = ("", ",", ".", "!", "?", "!!!")
_END_SHARES = (0.86, 0.05, 0.05, 0.02, 0.01, 0.01)
_FACES = (":)", ":(", ":D", ";)")


def write(
    folder: Path, *, texts: int, seed: int = 0, each: Callable[[int], None] = lambda done: None
) -> None:
    """Write `texts` texts as Parquet files into the folder, calling `each` with the count so far."""
    folder.mkdir(parents=True)
    words = pa.array(_vocabulary())
    weights = (np.arange(_WORDS) + _SHIFT) ** -_ZIPF
    shares = np.cumsum(weights / weights.sum())
    for chunk, first in enumerate(range(0, texts, TEXTS_A_FILE)):
        rng = np.random.default_rng([seed, chunk])
        count = min(TEXTS_A_FILE, texts - first)
        said = _copied(rng, _said(rng, words, shares, count))
        rows = pa.table({"text_id": np.arange(first, first + count), "text": said})
        pq.write_table(rows, folder / f"part-{chunk:05d}.parquet", compression="zstd", row_group_size=50_000)
        each(first + count)


def _vocabulary() -> list[str]:
    """Words from the commonest to the rarest, each once."""
    felt = iter(sorted(word for word in SentimentIntensityAnalyzer().lexicon if re.fullmatch("[a-z]+", word)))
    made = ("".join(parts) for parts in product(_SYLLABLES, repeat=4))
    mixed = (
        next(felt, word) if place % _FELT_EVERY == 0 else word for place, word in enumerate(made, start=1)
    )
    return list(dict.fromkeys([*_COMMON, *mixed]))[:_WORDS]


def _said(rng: np.random.Generator, words: pa.Array, shares: npt.NDArray[np.float64], count: int) -> pa.Array:
    lengths = rng.poisson(_TOKENS - 1, count) + 1
    ends = np.cumsum(lengths)
    total = int(ends[-1])
    tokens = words.take(pa.array(np.minimum(np.searchsorted(shares, rng.random(total)), len(words) - 1)))
    tokens = pc.if_else(pa.array(rng.random(total) < 0.02), pc.utf8_upper(tokens), tokens)
    marks = pa.array(_ENDS).take(pa.array(rng.choice(len(_ENDS), total, p=_END_SHARES)))
    tokens = pc.binary_join_element_wise(tokens, marks, "")
    faces = pa.array(_FACES).take(pa.array(rng.integers(0, len(_FACES), total)))
    is_face = np.zeros(total, dtype=bool)
    is_face[ends - 1] = rng.random(count) < 1 / 8
    tokens = pc.if_else(pa.array(is_face), faces, tokens)
    texts = pa.ListArray.from_arrays(pa.array(np.concatenate([[0], ends]), pa.int32()), tokens)
    return pc.binary_join(texts, " ")


def _copied(rng: np.random.Generator, texts: pa.Array) -> pa.Array:
    """The texts, with some in the place of others."""
    own = np.arange(len(texts))
    other = (min(_COPIED, len(texts)) * rng.random(len(texts)) ** 3).astype(np.int64)
    return texts.take(pa.array(np.where(rng.random(len(texts)) < _COPY_SHARE, other, own)))

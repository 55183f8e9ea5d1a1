"""Who follows whom: communities, ties that close triangles, one influencer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

COMMUNITIES = 4
_TIES_EACH = 6
_STRAY = 0.05
_LATE = 0.25
_REACH = 0.4

Flags = npt.NDArray[np.bool_]


def follows(
    rng: np.random.Generator, *, profiles: list[str], start: pd.Timestamp, days: int, quiet: bool
) -> pd.DataFrame:
    """A row a tie: `src` follows `dst` since `followed_at`.

    Community of profile n is n modulo COMMUNITIES; one early tie in twenty strays out of it. The last
    quarter of the ties, by time, close pairs with a neighbour in common. The first profile is the
    influencer, followed by two profiles of five from every community.
    """
    early = _early_ties(rng, len(profiles))
    if not quiet:
        early[1:, 0] |= rng.random(len(profiles) - 1) < _REACH
    late = _closing_ties(rng, early)
    src, dst = np.concatenate([np.argwhere(early), late]).T
    share = np.concatenate(
        [rng.uniform(0, 1 - _LATE, int(early.sum())), rng.uniform(1 - _LATE, 1, len(late))]
    )
    names = np.array(profiles, dtype=object)
    ties = pd.DataFrame(
        {
            "src": names[src],
            "dst": names[dst],
            "relationship": "follows",
            "followed_at": start + pd.to_timedelta((share * days * 86_400).round(), unit="s"),
        }
    )
    return ties.sort_values(["followed_at", "src", "dst"], ignore_index=True)


def _early_ties(rng: np.random.Generator, count: int) -> Flags:
    src = np.arange(count).repeat(_TIES_EACH)
    inside = src % COMMUNITIES + COMMUNITIES * rng.integers(0, count // COMMUNITIES, len(src))
    dst = np.where(rng.random(len(src)) < _STRAY, rng.integers(0, count, len(src)), inside)
    ties = np.zeros((count, count), dtype=bool)
    ties[src[src != dst], dst[src != dst]] = True
    return ties


def _closing_ties(rng: np.random.Generator, ties: Flags) -> npt.NDArray[np.int64]:
    """Pairs of one community with a neighbour in common and no tie yet, a third as many as there are ties."""
    linked = ties | ties.T
    common = linked.astype(np.int64) @ linked.astype(np.int64)
    community = np.arange(len(ties)) % COMMUNITIES
    open_pairs = np.argwhere(np.triu((common > 0) & ~linked & (community[:, None] == community), k=1))
    wanted = min(len(open_pairs), int(ties.sum() * _LATE / (1 - _LATE)))
    return open_pairs[rng.choice(len(open_pairs), wanted, replace=False)]

"""Who follows whom: communities, ties that close triangles, one influencer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

COMMUNITIES = 4
_TIES_EACH = 6
_STRAY = 0.05
_LATE = 0.25
_REACH = 0.4

Ints = npt.NDArray[np.int64]


def made_up_follows(folder: Path) -> Path:
    """A CSV of some 5,000 made-up follows of 600 people in four weeks, written into the folder.

    Columns: src, dst, relationship (follows), followed_at (UTC). Made up, as no package with a free licence
    carries a real network whose ties have times: communities, an influencer, and late ties that close early
    ones, as in the small world. The same bytes each time.
    """
    path = folder / "made_up_follows.csv"
    ties = follows(
        np.random.default_rng(0),
        profiles=[f"user-{n:03d}" for n in range(600)],
        start=pd.Timestamp("2024-06-03", tz="UTC"),
        days=28,
        quiet=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    ties.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ", lineterminator="\n")
    return path


def follows(
    rng: np.random.Generator, *, profiles: list[str], start: pd.Timestamp, days: int, quiet: bool
) -> pd.DataFrame:
    """A row a tie: `src` follows `dst` since `followed_at`.

    Community of profile n is n modulo COMMUNITIES; one early tie in twenty strays out of it. The last
    quarter of the ties, by time, close pairs with a neighbour in common. The first profile is the
    influencer, followed by two profiles of five from every community.
    """
    src, dst = _early_ties(rng, len(profiles), reach=0 if quiet else _REACH)
    late_src, late_dst = _closing_ties(rng, src, dst, count=len(profiles))
    share = np.concatenate([rng.uniform(0, 1 - _LATE, len(src)), rng.uniform(1 - _LATE, 1, len(late_src))])
    names = np.array(profiles, dtype=object)
    ties = pd.DataFrame(
        {
            "src": names[np.concatenate([src, late_src])],
            "dst": names[np.concatenate([dst, late_dst])],
            "relationship": "follows",
            "followed_at": start + pd.to_timedelta((share * days * 86_400).round(), unit="s"),
        }
    )
    return ties.sort_values(["followed_at", "src", "dst"], ignore_index=True)


def _early_ties(rng: np.random.Generator, count: int, *, reach: float) -> tuple[Ints, Ints]:
    """Distinct ties within communities but for the strays, and the followers of profile 0."""
    src = np.arange(count).repeat(_TIES_EACH)
    inside = src % COMMUNITIES + COMMUNITIES * rng.integers(0, count // COMMUNITIES, len(src))
    dst = np.where(rng.random(len(src)) < _STRAY, rng.integers(0, count, len(src)), inside)
    followers = np.flatnonzero(rng.random(count) < reach)
    ties = np.unique(np.concatenate([src * count + dst, followers * count]))
    src, dst = np.divmod(ties, count)
    return src[src != dst], dst[src != dst]


def _closing_ties(rng: np.random.Generator, src: Ints, dst: Ints, *, count: int) -> tuple[Ints, Ints]:
    """Pairs of one community with a neighbour in common and no tie yet, a third as many as there are ties.

    Found by two steps along ties, from random ones, whichever way they point.
    """
    wanted = int(len(src) * _LATE / (1 - _LATE))
    one, other = np.concatenate([src, dst]), np.concatenate([dst, src])
    order = np.argsort(one, kind="stable")
    one, other = one[order], other[order]
    step = rng.integers(0, len(one), 20 * wanted)
    start, middle = one[step], other[step]
    first, degree = np.searchsorted(one, middle), np.bincount(one, minlength=count)[middle]
    end = other[first + (rng.random(len(step)) * degree).astype(np.int64)]

    pair = np.minimum(start, end) * count + np.maximum(start, end)
    linked = np.minimum(src, dst) * count + np.maximum(src, dst)
    is_open = (start != end) & (start % COMMUNITIES == end % COMMUNITIES) & ~np.isin(pair, linked)
    _, position = np.unique(pair[is_open], return_index=True)
    chosen = np.sort(position)[:wanted]
    return start[is_open][chosen], end[is_open][chosen]

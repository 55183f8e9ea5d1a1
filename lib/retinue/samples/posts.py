"""What people say: posts on themes, in a mood, with a burst, a pasted text and an influencer's shares."""

from __future__ import annotations

import numpy as np
import pandas as pd

THEMES = {
    "delivery": ("parcel", "courier", "delivery"),
    "quality": ("fabric", "stitching", "material"),
    "price": ("discount", "price", "voucher"),
    "service": ("support", "hotline", "agent"),
}
ALERT_THEME = "delivery"
MOODS = {
    "positive": ("I love the {}, it was wonderful!", "Great {} again, very happy :)", "The {} is excellent."),
    "negative": ("The {} was terrible, I am angry.", "Awful {}! Never again :(", "Very bad {}, a disaster."),
    "neutral": ("Has anyone news about the {}?", "They wrote to me about the {} today.", "Asked for the {}."),
}
_MOOD_SHARES = [0.4, 0.25, 0.35]
_PASTED = "Win a free voucher today, just follow the link in my profile and tell {} friends about it"
_COPIES = 12
_BURST = 40
_DAY = 86_400

COLUMNS = [
    "post_id",
    "network",
    "profile_id",
    "posted_at",
    "language",
    "text",
    "share_count",
    "like_count",
]
Rows = list[tuple[str, float, str, str, str, bool]]
_SAID = ["profile_id", "seconds", "theme", "mood", "text", "is_pasted"]


def posts(
    rng: np.random.Generator, *, profiles: list[str], start: pd.Timestamp, days: int, quiet: bool
) -> pd.DataFrame:
    """A row a post with its planted `theme`, `mood` and `is_pasted`; the first profile is shared most."""
    said = _chatter(rng, profiles, days=days)
    if not quiet:
        said += _burst(rng, profiles, day=alert_day(days)) + _pasted(rng, profiles, day=days // 2)
    told = pd.DataFrame(said, columns=_SAID).sort_values(["seconds", "profile_id"], ignore_index=True)
    is_influencer = (told["profile_id"] == profiles[0]) & (not quiet)
    return told.assign(
        post_id=[f"post-{n:05d}" for n in range(len(told))],
        network="chirp",
        language="en",
        posted_at=start + pd.to_timedelta(told["seconds"].round(), unit="s"),
        share_count=rng.poisson(np.where(is_influencer, 60, 1)),
        like_count=rng.poisson(np.where(is_influencer, 200, 4)),
    )


def alert_day(days: int) -> int:
    """The day, counted from the first, on which the burst happens."""
    return 2 * days // 3


def _chatter(rng: np.random.Generator, profiles: list[str], *, days: int) -> Rows:
    authors = np.arange(len(profiles)).repeat(1 + rng.poisson(4, len(profiles)))
    moods = rng.choice(list(MOODS), len(authors), p=_MOOD_SHARES)
    themes = rng.choice(list(THEMES), len(authors))
    return [
        (profiles[author], float(rng.uniform(0, days * _DAY)), str(theme), str(mood), *_say(rng, theme, mood))
        for author, theme, mood in zip(authors, themes, moods, strict=True)
    ]


def _say(rng: np.random.Generator, theme: str, mood: str) -> tuple[str, bool]:
    return str(rng.choice(MOODS[mood])).format(rng.choice(THEMES[theme])), False


def _burst(rng: np.random.Generator, profiles: list[str], *, day: int) -> Rows:
    return [
        (
            str(author),
            float((day + rng.random()) * _DAY),
            ALERT_THEME,
            "negative",
            *_say(rng, ALERT_THEME, "negative"),
        )
        for author in rng.choice(profiles, _BURST)
    ]


def _pasted(rng: np.random.Generator, profiles: list[str], *, day: int) -> Rows:
    authors = rng.choice(profiles[1:], min(_COPIES, len(profiles) - 1), replace=False)
    return [
        (
            str(author),
            float(day * _DAY + rng.uniform(0, 3600)),
            "price",
            "positive",
            _PASTED.format(n + 3),
            True,
        )
        for n, author in enumerate(authors)
    ]

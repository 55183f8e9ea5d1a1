"""What people say: posts on themes, in a mood, about brands; a burst, a pasted text, a slogan, an echo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

THEMES = {
    "delivery": ("parcel", "courier", "delivery", "shipment", "doorstep", "tracking"),
    "quality": ("fabric", "stitching", "material", "seam", "zipper", "lining"),
    "price": ("discount", "price", "voucher", "coupon", "invoice", "sale"),
    "service": ("helpdesk", "hotline", "agent", "chat", "callback", "operator"),
}
ALERT_THEME = "delivery"
BRANDS = {"Acorn": 0.5, "Borealis": 0.3, "Cobalt": 0.2}
SLOGAN = ("Borealis", "boots that walk the extra mile")
ECHO = "worth every penny"

# One word a part says something, so that words stand together only where a theme, slogan or echo joins them.
_OPENINGS = (
    *("Thoughts on", "A question about", "News about", "A word about"),
    *("Story of", "Regarding", "A note on", "Reminder about"),
)
_PLACES = ("in Berlin", "in Paris", "yesterday", "today", "on Monday", "on Friday", "at home", "at work")
MOODS = {
    "positive": ("wonderful!", "I love it", "excellent", "very happy!", "so great", ":)"),
    "negative": ("terrible", "awful!", "a disaster", "I am angry", "very bad", ":("),
    "neutral": ("anyone?", "hm", "perhaps", "who knows", "as always", "later"),
}
_MOOD_SHARES = [0.4, 0.25, 0.35]
_ANGRY_SHARES = [0.1, 0.8, 0.1]
_PASTED = "Win a free voucher today, just follow the link in my profile and tell {} friends about it"
_COPIES = 12
_BURST = 40
_OWNED = 12
_REPLIES = 2
_ECHOED = 0.15
_INFLUENCES = 40
_DAY = 86_400

COLUMNS = [
    "post_id",
    "network",
    "post_type",
    "profile_id",
    "posted_at",
    "language",
    "text",
    "reply_to",
    "share_count",
    "like_count",
    "follower_count",
    "media_class",
    "brand",
]


class Said(NamedTuple):
    """A post as it is drawn; `answers` is the place, among all drawn, of the post that it replies to."""

    profile_id: str
    seconds: float
    theme: str
    mood: str
    text: str
    brand: str
    media_class: str = "earned"
    is_pasted: bool = False
    answers: int | None = None


def posts(
    rng: np.random.Generator,
    *,
    profiles: list[str],
    followers: Mapping[str, int],
    start: pd.Timestamp,
    days: int,
    quiet: bool,
) -> pd.DataFrame:
    """A row a post with its planted `theme`, `mood` and `is_pasted`; the first profile is shared most.

    share_count are shares that are not among the posts. In a quiet world the words of a post are of any
    theme; its own is that of the first.
    """
    said = _owned(rng, days=days, quiet=quiet)
    said += _replies(rng, profiles, answered=said, quiet=quiet)
    said += _chatter(rng, profiles, days=days, quiet=quiet)
    if not quiet:
        said += _burst(rng, profiles, day=alert_day(days)) + _pasted(rng, profiles, day=days // 2)
        said += _written(rng, profiles[0], days=days)
    told = pd.DataFrame(said).sort_values(["seconds", "profile_id"])
    told["post_id"] = [f"post-{n:05d}" for n in range(len(told))]
    is_influencer = (told["profile_id"] == profiles[0]) & (not quiet)
    is_echo = told["text"].str.contains(ECHO)
    return told.assign(
        network="chirp",
        post_type=np.where(told["answers"].isna(), "post", "comment"),
        language="en",
        posted_at=start + pd.to_timedelta(told["seconds"].round(), unit="s"),
        reply_to=told["answers"].map(told["post_id"]),
        share_count=rng.poisson(np.select([is_influencer, is_echo], [60, 4], 1)),
        like_count=rng.poisson(np.select([is_influencer, is_echo], [200, 16], 4)),
        follower_count=[followers.get(profile, 0) for profile in told["profile_id"]],
    ).reset_index(drop=True)


def alert_day(days: int) -> int:
    """The day, counted from the first, on which the burst happens."""
    return 2 * days // 3


def _owned(rng: np.random.Generator, *, days: int, quiet: bool) -> list[Said]:
    """What brands say themselves, neither glad nor sad; one of them never without its slogan."""
    slogans = {} if quiet else dict([SLOGAN])
    return [
        _say(
            rng,
            brand=brand,
            profile=f"brand-{brand.lower()}",
            seconds=float(rng.uniform(0, (days - 1) * _DAY)),
            mood="neutral",
            quiet=quiet,
            verdict=slogans.get(brand),
        )._replace(media_class="owned")
        for brand in BRANDS
        for _ in range(_OWNED)
    ]


def _replies(
    rng: np.random.Generator, profiles: list[str], *, answered: list[Said], quiet: bool
) -> list[Said]:
    """Answers of a few people within six hours; those to the slogan are angry."""
    replies = []
    for place, post in [each for each in enumerate(answered) for _ in range(_REPLIES)]:
        is_angry = not quiet and post.brand == SLOGAN[0]
        mood = str(rng.choice(list(MOODS), p=_ANGRY_SHARES if is_angry else _MOOD_SHARES))
        seconds = post.seconds + float(rng.uniform(60, _DAY / 4))
        profile = str(rng.choice(profiles[1:]))
        reply = _say(rng, brand=post.brand, profile=profile, seconds=seconds, mood=mood, quiet=quiet)
        replies.append(reply._replace(answers=place))
    return replies


def _chatter(rng: np.random.Generator, profiles: list[str], *, days: int, quiet: bool) -> list[Said]:
    authors = np.arange(len(profiles)).repeat(1 + rng.poisson(4, len(profiles)))
    moods = rng.choice(list(MOODS), len(authors), p=_MOOD_SHARES)
    is_echo = (moods == "positive") & (rng.random(len(authors)) < _ECHOED) & (not quiet)
    return [
        _say(
            rng,
            brand=_brand(rng),
            profile=profiles[author],
            seconds=float(rng.uniform(0, days * _DAY)),
            mood=str(mood),
            quiet=quiet,
            verdict=ECHO if echoes else None,
        )
        for author, mood, echoes in zip(authors, moods, is_echo, strict=True)
    ]


def _burst(rng: np.random.Generator, profiles: list[str], *, day: int) -> list[Said]:
    """A day of complaints about one theme, all about the first brand."""
    return [
        _say(
            rng,
            brand=next(iter(BRANDS)),
            profile=str(author),
            seconds=float((day + rng.random()) * _DAY),
            mood="negative",
            theme=ALERT_THEME,
            quiet=False,
        )
        for author in rng.choice(profiles, _BURST)
    ]


def _pasted(rng: np.random.Generator, profiles: list[str], *, day: int) -> list[Said]:
    authors = rng.choice(profiles[1:], min(_COPIES, len(profiles) - 1), replace=False)
    return [
        Said(
            profile_id=str(author),
            seconds=float(day * _DAY + rng.uniform(0, 3600)),
            theme="price",
            mood="positive",
            text=_PASTED.format(n + 3),
            brand=_brand(rng),
            is_pasted=True,
        )
        for n, author in enumerate(authors)
    ]


def _written(rng: np.random.Generator, influencer: str, *, days: int) -> list[Said]:
    """More posts of somebody who writes a lot, neither glad nor sad."""
    return [
        _say(
            rng,
            brand=_brand(rng),
            profile=influencer,
            seconds=float(rng.uniform(0, days * _DAY)),
            mood="neutral",
            quiet=False,
        )
        for _ in range(_INFLUENCES)
    ]


def _say(
    rng: np.random.Generator,
    *,
    brand: str,
    profile: str,
    seconds: float,
    mood: str,
    quiet: bool,
    theme: str | None = None,
    verdict: str | None = None,
) -> Said:
    """A post that names two words of a theme; in a quiet world the second is of any."""
    theme = theme or str(rng.choice(list(THEMES)))
    first = str(rng.choice(THEMES[theme]))
    others = [word for name, words in THEMES.items() if quiet or name == theme for word in words]
    second = str(rng.choice([word for word in others if word != first]))
    opening, place = str(rng.choice(_OPENINGS)), str(rng.choice(_PLACES))
    verdict = verdict or str(rng.choice(MOODS[mood]))
    text = f"{opening} the {first} and the {second} of {brand} {place}: {verdict}"
    return Said(profile, seconds, theme, mood, text, brand)


def _brand(rng: np.random.Generator) -> str:
    return str(rng.choice(list(BRANDS), p=list(BRANDS.values())))

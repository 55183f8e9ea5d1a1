"""Who passes posts on: along ties where people move each other, at random where they do not.

A share says nothing of its own, as where a network has a button for it: it has neither words nor language nor
brand, and nobody likes it. So what a post says is there once, however often it is passed on, and who counts
words or looks for copies sees what people wrote. `share_of` is the post or share that it was taken from.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

SHARING_RATE = 0.08
_DELAY = 6 * 3600
_AT_RANDOM = 0.5
_SHARED = ["post_id", "profile_id", "posted_at", "share_of"]


def shares(
    rng: np.random.Generator,
    *,
    posts: pd.DataFrame,
    follows: pd.DataFrame,
    profiles: list[str],
    until: pd.Timestamp,
    quiet: bool,
) -> pd.DataFrame:
    """A row a share before `until`: post_id, profile_id, posted_at and share_of.

    Who follows the author of a post, or somebody who passed it on, when it appears there, passes it on from
    there with the chance SHARING_RATE, about six hours later, and nothing twice. The first profile, the
    influencer, only writes. In a quiet world anybody passes on anything from before, whoever wrote it.
    """
    if quiet:
        return _at_random(rng, posts, profiles=profiles, until=until)
    return _along_ties(rng, posts, ties=follows[follows["src"] != profiles[0]], until=until)


def with_shares(posts: pd.DataFrame, shares: pd.DataFrame, *, followers: Mapping[str, int]) -> pd.DataFrame:
    """The posts and their shares by time; those here are added to the share_count of what they pass on."""
    silent = shares.assign(
        network=posts["network"].iloc[0],
        post_type="post",
        media_class="earned",
        share_count=0,
        like_count=0,
        follower_count=[followers.get(profile, 0) for profile in shares["profile_id"]],
        **dict.fromkeys(["language", "text", "reply_to", "brand"]),
    )
    told = pd.concat([posts.assign(share_of=None), silent], ignore_index=True)
    here = told["post_id"].map(shares["share_of"].value_counts()).fillna(0).astype("int64")
    whole = told.assign(share_count=told["share_count"] + here)
    return whole.sort_values(["posted_at", "post_id"], ignore_index=True)


def _along_ties(
    rng: np.random.Generator, posts: pd.DataFrame, *, ties: pd.DataFrame, until: pd.Timestamp
) -> pd.DataFrame:
    """All who took a post from its author, then all who took it from these, and so on."""
    told = posts[["post_id", "profile_id", "posted_at"]].assign(share_of=None, root=posts["post_id"])
    begin = 0
    while begin < len(told):
        seen = told[begin:].merge(ties, left_on="profile_id", right_on="dst")
        seen = seen[seen["followed_at"] <= seen["posted_at"]]
        offered = _passed_on(rng, seen[rng.random(len(seen)) < SHARING_RATE])
        begin = len(told)
        told = pd.concat([told, offered[offered["posted_at"] < until]], ignore_index=True)
        told = told.drop_duplicates(["root", "profile_id"], ignore_index=True)
        told.loc[begin:, "post_id"] = _ids(range(begin - len(posts), len(told) - len(posts)))
    return told.loc[len(posts) :, _SHARED]


def _passed_on(rng: np.random.Generator, seen: pd.DataFrame) -> pd.DataFrame:
    """A share, still without an id, of each post by who has seen it there, the earliest first."""
    delay = pd.to_timedelta(1 + rng.exponential(_DELAY, len(seen)).round(), unit="s")
    made = pd.DataFrame(
        {
            "post_id": None,
            "profile_id": seen["src"],
            "posted_at": seen["posted_at"] + delay,
            "share_of": seen["post_id"],
            "root": seen["root"],
        }
    )
    return made.sort_values(["posted_at", "profile_id", "share_of"])


def _at_random(
    rng: np.random.Generator, posts: pd.DataFrame, *, profiles: list[str], until: pd.Timestamp
) -> pd.DataFrame:
    """Shares at random times, each of any post of somebody else from before, and nothing twice."""
    posted = posts.sort_values(["posted_at", "post_id"], ignore_index=True)
    first, count = posted["posted_at"][0], int(_AT_RANDOM * len(posts))
    seconds = np.sort(rng.uniform(1, (until - first).total_seconds(), count)).astype(np.int64)
    at = first + pd.to_timedelta(seconds, unit="s")
    before = np.searchsorted(posted["posted_at"], at)
    chosen = posted.iloc[(rng.random(count) * before).astype(np.int64)]
    made = pd.DataFrame(
        {
            "profile_id": rng.choice(profiles, count),
            "posted_at": at,
            "share_of": chosen["post_id"].to_numpy(),
        }
    )
    is_others = made["profile_id"].to_numpy() != chosen["profile_id"].to_numpy()
    shared: pd.DataFrame = made[is_others].drop_duplicates(["profile_id", "share_of"])
    return shared.assign(post_id=_ids(range(len(shared))))[_SHARED]


def _ids(numbers: range) -> list[str]:
    return [f"share-{n:05d}" for n in numbers]

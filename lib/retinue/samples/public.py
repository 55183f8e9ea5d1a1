"""Public data sets that set-up takes out of pinned packages."""

from __future__ import annotations

import sys
from pathlib import Path

from retinue.errors import EnvironmentFault

__all__ = ["ecommerce", "rated_reviews", "rated_tweets"]


def ecommerce() -> Path:
    """The file of an online shop's clickstream: 31,106 events of 600 users in half a year, gzipped CSV.

    Columns: user_id, session_id (the shop's own), event, timestamp (UTC), platform,
    acquisition_channel, user_cohort, user_lifecycle. From the package retentioneering (Apache licence).

    Raises EnvironmentFault where set-up has not brought it.
    """
    return _brought("ecom.csv.gz")


def rated_tweets() -> Path:
    """The file of 4,200 tweets, each rated by twenty people; tab-separated, without a header.

    Columns: id, mean_rating (from -4, most negative, to 4), text. From the package vaderSentiment (MIT licence);
    source: Hutto and Gilbert, "VADER" (ICWSM 2014). Raises EnvironmentFault where set-up has not brought it.
    """
    return _brought("tweets_GroundTruth.txt")


def rated_reviews() -> Path:
    """The file of 3,708 sentences out of 309 product reviews, in the same columns and from the same source.

    The id is the review's and the sentence's number, `12_3`. Raises as `rated_tweets` does.
    """
    return _brought("amazonReviewSnippets_GroundTruth.txt")


def _brought(name: str) -> Path:
    path = Path(sys.prefix) / "share" / "retinue" / "data" / name
    if not path.is_file():
        raise EnvironmentFault(f"the sample is not at {path}; `make demo` brings it")
    return path

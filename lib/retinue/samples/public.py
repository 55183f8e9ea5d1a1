"""Public data sets that set-up takes out of pinned packages."""

from __future__ import annotations

import sys
from pathlib import Path

from retinue.errors import EnvironmentFault

__all__ = ["conversion_paths", "ecommerce", "rated_texts"]


def conversion_paths() -> Path:
    """The file of 10,000 paths of twelve channels to 19,785 conversions or to none, gzipped CSV.

    Columns: path (channels with ` > ` between), total_conversions, total_conversion_value, total_null. From
    the package mta (MIT licence). Raises EnvironmentFault where set-up has not brought it.
    """
    return _brought("data.csv.gz")


def ecommerce() -> Path:
    """The file of an online shop's clickstream: 31,106 events of 600 users in half a year, gzipped CSV.

    Columns: user_id, session_id (the shop's own), event, timestamp (UTC), platform,
    acquisition_channel, user_cohort, user_lifecycle. From the package retentioneering (Apache licence).

    Raises EnvironmentFault where set-up has not brought it.
    """
    return _brought("ecom.csv.gz")


def rated_texts() -> str:
    """A glob for two files: 4,200 tweets, and 3,708 sentences of 309 product reviews.

    Tab-separated, without a header: id (a review's and its sentence's number: 12_3), mean_rating (of twenty
    people each, from -4, most negative, to 4), text. From the package vaderSentiment (MIT licence).
    Source: Hutto and Gilbert, "VADER" (ICWSM 2014). Raises EnvironmentFault where set-up has not brought it.
    """
    return str(_brought("tweets_GroundTruth.txt").parent / "*_GroundTruth.txt")


def _brought(name: str) -> Path:
    path = Path(sys.prefix) / "share" / "retinue" / "data" / name
    if not path.is_file():
        raise EnvironmentFault(f"the sample is not at {path}; `make demo` brings it")
    return path

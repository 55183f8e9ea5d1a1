"""Ties as the lake keeps them: who turned to whom or what on which day, by the sources' own ids.

The ids of both ends and the legal basis of each stay in the row, so that a later reading finds the persons
known by then and hears both ends on whether the tie may be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.network import building
from retinue.network.building import PRODUCT
from retinue.schema import require

__all__ = [
    "IN_PUBLIC",
    "KEY",
    "PROFILE",
    "label",
    "named",
    "of_contacts",
    "of_events",
    "of_posts",
    "with_author",
]

IN_PUBLIC = ("replies", "shares", "mentions")
"""The relationships that posts make."""
PROFILE = "p:"
"""What the id of an account begins with, of which the person is not known."""
KEY = (
    *("relationship", "acted_on", "network", "profile_id", "visitor_id", "user_id"),
    *("to_profile_id", "product_id", "legal_basis", "to_legal_basis"),
)
"""What tells the ties of a day apart."""
_SUMS = ("act_count", "weight", "first_at", "last_at")


def of_posts(posts: DataFrame, among: DataFrame, words: DataFrame) -> DataFrame:
    """Who answered, shared and mentioned whom on a day, by their accounts.

    Out: `KEY`, act_count (bigint), weight (double), first_at, last_at (timestamp). A mention is of the
    account of that name on the same network, upper and lower case being one, else of an account so called.
    In: `posts` and those they may answer, `among`, as in silver.posts; `words` as in silver.post_tokens.
    Lazy. Raises SchemaMismatch.
    """
    wrote = posts.withColumn("author", _author())
    answered = among.withColumn("author", _author())
    acts = building.acts_of_posts(wrote, _mentions(words, answered), author="author", among=answered)
    return _between_accounts(acts)


def of_contacts(contacts: DataFrame) -> DataFrame:
    """Who followed, wrote to or referred whom on a day, by their accounts: columns as in `of_posts`.

    In: contacts as in silver.contacts. Lazy. Raises SchemaMismatch.
    """
    ends = ["network", "profile_id", "to_profile_id", "legal_basis"]
    require(contacts, [*ends, "relationship", "occurred_at", "weight"], what="ties.of_contacts")
    return _between_accounts(
        contacts.select(
            _account("profile_id").alias("src"),
            _account("to_profile_id").alias("dst"),
            "relationship",
            F.col("occurred_at").alias("at"),
            "weight",
        )
    )


def of_events(events: DataFrame, relationships: Mapping[str, str]) -> DataFrame:
    """Which products people took up on a day, by device and login: columns as in `of_posts`.

    In: events as in silver.events; `relationships`, name: predicate over their columns. One event may be
    several relationships. Lazy. Raises SchemaMismatch.
    """
    people = events.withColumn("_person", F.struct("visitor_id", "user_id", "legal_basis"))
    acts = [
        building.acts_of_products(people, where=predicate, relationship=name, person="_person")
        for name, predicate in relationships.items()
    ]
    days = building.daily(reduce(DataFrame.unionByName, acts))
    return days.select(
        "relationship",
        "acted_on",
        *_nothing("network", "profile_id"),
        "src.visitor_id",
        "src.user_id",
        *_nothing("to_profile_id"),
        F.substr("dst", F.lit(len(PRODUCT) + 1)).alias("product_id"),
        "src.legal_basis",
        F.lit("anonymous").alias("to_legal_basis"),
        *_SUMS,
    )


def named(ties: DataFrame) -> DataFrame:
    """The same ties between vertices: a person, an account or device of nobody known, or a product.

    Out: src, dst (string: a person_id; `p:`, network, `/` and profile_id; `v:` and visitor_id; `product:` and
    product_id), relationship, acted_on, act_count, weight, first_at, last_at. In: silver.ties as read for a
    purpose, with person_id and to_person_id. Lazy. Raises SchemaMismatch.
    """
    require(ties, [*KEY, "person_id", "to_person_id"], what="ties.named")
    product = F.concat(F.lit(PRODUCT), F.col("product_id"))
    return ties.select(
        F.coalesce("person_id", _stranger("profile_id")).alias("src"),
        F.coalesce(product, "to_person_id", _stranger("to_profile_id")).alias("dst"),
        "relationship",
        "acted_on",
        *_SUMS,
    )


def with_author(posts: DataFrame) -> DataFrame:
    """Add `id`, the vertex that wrote the post; posts without an author go.

    In: posts as read for a purpose, with network, profile_id and person_id. Lazy. Raises SchemaMismatch.
    """
    require(posts, ["network", "profile_id", "person_id"], what="ties.with_author")
    author = F.coalesce("person_id", _stranger("profile_id"))
    return posts.withColumn("id", author).where("id IS NOT NULL")


def label(vertices: DataFrame) -> DataFrame:
    """Add `label`, what a vertex is called in a picture: its id without what it is. Lazy."""
    return vertices.withColumn("label", F.regexp_replace("id", "^(p:[^/]*/|v:|product:)", ""))


def _author() -> Column:
    return F.when(F.col("profile_id").isNotNull(), _account("profile_id"))


def _account(id: str) -> Column:
    return F.struct("network", F.col(id).alias("profile_id"), "legal_basis")


def _stranger(id: str) -> Column:
    return F.concat(F.lit(PROFILE), "network", F.lit("/"), id)


def _mentions(words: DataFrame, among: DataFrame) -> DataFrame:
    """network, post_id, mentioned (an account), a row for each name in a post."""
    names = F.filter("annotations", lambda each: each["kind"] == "mention")
    said = words.select(
        "network", "post_id", "legal_basis", F.explode(F.transform(names, lambda each: each["token"]))
    )
    called = said.withColumn("_name", F.ltrim("col", F.lit("@")))
    accounts = (
        among.where(F.col("profile_id").isNotNull())
        .groupBy("network", F.lower("profile_id").alias("_name"))
        .agg(F.min("profile_id").alias("_known"))
    )
    found = called.join(accounts, ["network", "_name"], "left")
    account = found.withColumn("profile_id", F.coalesce("_known", "_name"))
    return account.select("network", "post_id", _account("profile_id").alias("mentioned"))


def _between_accounts(acts: DataFrame) -> DataFrame:
    return building.daily(acts).select(
        "relationship",
        "acted_on",
        "src.network",
        "src.profile_id",
        *_nothing("visitor_id", "user_id"),
        F.col("dst.profile_id").alias("to_profile_id"),
        *_nothing("product_id"),
        "src.legal_basis",
        F.col("dst.legal_basis").alias("to_legal_basis"),
        *_SUMS,
    )


def _nothing(*names: str) -> list[Column]:
    return [F.lit(None).cast("string").alias(name) for name in names]

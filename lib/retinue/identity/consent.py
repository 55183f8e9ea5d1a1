"""Which rows may be used for a purpose, and for which person they count."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.schema import require

__all__ = ["allowed", "with_person"]

IDS = ("user_id", "profile_id", "visitor_id")  # whom a row is about, the surest first


def allowed(rows: DataFrame, identities: DataFrame, consents: DataFrame, *, purpose: str) -> DataFrame:
    """Keep a row unless someone it is about objected, or its legal basis is consent and none was given.

    The latest word of a subject on the purpose counts, at equal times the stricter one. A row is
    about its visitor, its profile and its person, and what any visitor or profile of that person
    said counts for the person: one objection removes the row whatever its basis; where the basis is
    `consent` at least one of them must have granted and none denied.
    A null or unknown basis counts as consent. Adds `person_id` (see `with_person`).

    rows: `legal_basis` and any of `visitor_id`, `user_id`, `profile_id`.
    consents: subject_type, subject_id, purpose, status (granted | denied | objected), recorded_at.
    A row with `to_profile_id` is about that profile and its person too, who are heard in the same way, by
    `to_legal_basis` (else the one basis is that of both); it gets `to_person_id`, null where nobody is known.
    Raises SchemaMismatch without legal_basis.
    """
    require(rows, ["legal_basis"], what="a read with a purpose")
    kept = _allowed(rows, identities, consents, purpose=purpose)
    if "to_profile_id" not in rows.columns:
        return kept
    both = (
        kept if "to_legal_basis" in rows.columns else kept.withColumn("to_legal_basis", F.col("legal_basis"))
    )
    own = {name: f"_own_{name}" for name in (*IDS, "person_id", "legal_basis") if name in both.columns}
    other = ("profile_id", "legal_basis", "person_id")
    turned = both.withColumnsRenamed(own).withColumnsRenamed({f"to_{name}": name for name in other})
    heard = _allowed(turned, identities, consents, purpose=purpose)
    back = heard.withColumnsRenamed({name: f"to_{name}" for name in other})
    told = back.withColumnsRenamed({now: before for before, now in own.items()})
    added = [name for name in ("person_id", "to_person_id") if name not in rows.columns]
    return told.select(*rows.columns, *added)


def _allowed(rows: DataFrame, identities: DataFrame, consents: DataFrame, *, purpose: str) -> DataFrame:
    """Those of whom one end, if there is another, has nothing against it."""
    found = with_person(rows, identities)
    words = _latest(consents, purpose)
    said: list[str] = []
    for kind in ("visitor", "profile"):
        if f"{kind}_id" in found.columns:
            own = words.where(F.col("subject_type") == kind)
            own = own.select(F.col("subject_id").alias(f"{kind}_id"), F.array("status").alias(f"_{kind}"))
            found, said = found.join(own, f"{kind}_id", "left"), [*said, f"_{kind}"]
    found, said = found.join(_of_persons(words, identities), "person_id", "left"), [*said, "_person"]
    free = F.coalesce(F.col("legal_basis").isin("anonymous", "contract", "legitimate_interest"), F.lit(False))
    granted = _any(said, "granted") & ~_any(said, "denied")
    kept = found.where(~_any(said, "objected") & (free | granted))
    return kept.select([*rows.columns, *(["person_id"] if "person_id" not in rows.columns else [])])


def with_person(rows: DataFrame, identities: DataFrame) -> DataFrame:
    """Add `person_id`: by the login, else by the profile, else by the visitor, else 'v:' + visitor_id.

    Where an id is linked to several persons the smallest person_id counts, so that a row
    stays one row. Rows that have a person_id already are left as they are.
    """
    if "person_id" in rows.columns:
        return rows
    found = rows
    keys = [key for key in IDS if key in rows.columns]
    for key in keys:
        links = (
            identities.where(F.col(key).isNotNull()).groupBy(key).agg(F.min("person_id").alias(f"_by_{key}"))
        )
        found = found.join(links, key, "left")
    stranger = F.concat(F.lit("v:"), F.col("visitor_id")) if "visitor_id" in keys else F.lit(None)
    person = F.coalesce(*[F.col(f"_by_{key}") for key in keys], stranger.cast("string"))
    return found.select(*rows.columns, person.alias("person_id"))


def _latest(consents: DataFrame, purpose: str) -> DataFrame:
    strictness = F.when(F.col("status") == "objected", 2).when(F.col("status") == "denied", 1).otherwise(0)
    newest = Window.partitionBy("subject_type", "subject_id").orderBy(
        F.col("recorded_at").desc_nulls_last(), strictness.desc()
    )
    ranked = consents.where(F.col("purpose") == purpose).withColumn("_rank", F.row_number().over(newest))
    return ranked.where("_rank = 1").select("subject_type", "subject_id", "status")


def _of_persons(words: DataFrame, identities: DataFrame) -> DataFrame:
    """person_id and `_person`, the words of the person and of all that is linked to them."""
    spoken = [
        words.where(F.col("subject_type") == "person").select(
            F.col("subject_id").alias("person_id"), "status"
        )
    ]
    for kind in ("visitor", "profile"):
        own = words.where(F.col("subject_type") == kind).select(
            F.col("subject_id").alias(f"{kind}_id"), "status"
        )
        spoken.append(identities.join(own, f"{kind}_id").select("person_id", "status"))
    union = reduce(DataFrame.unionByName, spoken)
    return union.groupBy("person_id").agg(F.collect_set("status").alias("_person"))


def _any(said: list[str], word: str) -> Column:
    return reduce(Column.__or__, [F.coalesce(F.array_contains(each, word), F.lit(False)) for each in said])

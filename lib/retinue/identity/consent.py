"""Which rows may be used for a purpose, and for which person they count."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.schema import require

__all__ = ["allowed", "with_person"]

SUBJECTS = {"visitor": "visitor_id", "profile": "profile_id", "person": "person_id"}


def allowed(rows: DataFrame, identities: DataFrame, consents: DataFrame, *, purpose: str) -> DataFrame:
    """Keep a row unless someone it is about objected, or its legal basis is consent and none was given.

    The latest word of a subject on the purpose counts, at equal times the stricter one. A row is
    about its visitor, its profile and its person: one objection removes it whatever its basis;
    where the basis is `consent` at least one of them must have granted and none denied.
    A null or unknown basis counts as consent. Adds `person_id` (see `with_person`).

    rows: `legal_basis` and any of `visitor_id`, `user_id`, `profile_id`.
    consents: subject_type, subject_id, purpose, status (granted | denied | objected), recorded_at.
    Raises SchemaMismatch without legal_basis.
    """
    require(rows, ["legal_basis"], what="a read with a purpose")
    personed = with_person(rows, identities)
    words = _latest(consents, purpose)
    subjects = {kind: column for kind, column in SUBJECTS.items() if column in personed.columns}
    for kind, column in subjects.items():
        said = words.where(F.col("subject_type") == kind)
        said = said.select(F.col("subject_id").alias(column), F.col("status").alias(f"_{kind}"))
        personed = personed.join(said, column, "left")
    statuses = [F.col(f"_{kind}") for kind in subjects]
    free = F.coalesce(F.col("legal_basis").isin("anonymous", "contract", "legitimate_interest"), F.lit(False))
    granted = _any(statuses, "granted") & ~_any(statuses, "denied")
    kept = personed.where(~_any(statuses, "objected") & (free | granted))
    return kept.select([*rows.columns, *(["person_id"] if "person_id" not in rows.columns else [])])


def with_person(rows: DataFrame, identities: DataFrame) -> DataFrame:
    """Add `person_id`: by the login, else by the profile, else by the visitor, else 'v:' + visitor_id.

    Where an id is linked to several persons the smallest person_id counts, so that a row
    stays one row. Rows that have a person_id already are left as they are.
    """
    if "person_id" in rows.columns:
        return rows
    found = rows
    keys = [key for key in ("user_id", "profile_id", "visitor_id") if key in rows.columns]
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


def _any(statuses: list[Column], word: str) -> Column:
    found = F.lit(False)
    for status in statuses:
        found = found | F.coalesce(status == word, F.lit(False))
    return found

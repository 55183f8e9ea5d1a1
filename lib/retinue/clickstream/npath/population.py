"""What keeps all partitions from matching: each condition, what it stops, and what would match without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.clickstream.npath import order
from retinue.clickstream.npath import pattern as tree
from retinue.clickstream.npath.attempts import Attempt, Walk, beginnings, bits, searched
from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.matcher import Matcher, Skip
from retinue.clickstream.npath.pattern import parse
from retinue.clickstream.npath.prepared import Prepared, prepare
from retinue.clickstream.npath.question import Question
from retinue.clickstream.npath.sequences import ROWS
from retinue.clickstream.npath.spans import limits, lists

__all__ = ["explain_population"]

OUTCOMES = ("broken", "ended", "timed_out")
TOTALS = ("attempts", "failures", "matches", "partitions", "partitions_matched")
COUNTS = (*OUTCOMES, "partitions_stopped", "partitions_without", "would_match", "partitions_would_match")
TYPE = (
    f"struct<{', '.join(f'{name}: bigint' for name in TOTALS)},"
    f" conditions: array<struct<{', '.join(f'{name}: bigint' for name in COUNTS)}>>>"
)


def explain_population(
    rows: DataFrame,
    *,
    partition_by: Sequence[str | Column],
    order_by: Sequence[str | Column],
    symbols: Mapping[str, str | Column],
    pattern: str,
    mode: str = "nonoverlapping",
    prefer: str = "longest",
    within: timedelta | order.Number | None = None,
    max_rows: int | None = None,
) -> DataFrame:
    """For each condition of a pattern how many attempts it stopped, and how many would match without it.

    An attempt is a row where npath looks for a match and that the pattern can begin with. One that becomes
    no match takes rows for as long as any way through the pattern can; it is stopped by each symbol that
    could have taken the next row: so one attempt may count for several symbols. A condition relaxed is a
    symbol that holds on every row, an anchor that holds everywhere, a `within` that never passes.

    The arguments are npath's. Gives a row a condition, also where there are no rows:

    - symbol (string): its name; `^` or `$`, where the pattern has them; `within`, where it is given
    - kind (string): symbol, anchor or limit
    - stopped (bigint): the attempts it stopped, of which broken (a row came that the pattern does not
      take), ended (the partition did), timed_out (the next row lies beyond `within`). The limit stops those
      that timed out; `$` those that could have ended, had the partition
    - partitions_stopped (bigint): the partitions that have such attempts
    - partitions_without (bigint): those where the symbol holds on no row; 0 for anchors and the limit
    - would_match (bigint): how many of all failed attempts would match from their row, were the condition
      relaxed
    - partitions_would_match (bigint): how many more partitions would have a match
    - attempts, failures, matches, partitions, partitions_matched (bigint): the whole, the same in each row;
      matches and attempts that take no row do not count

    Linear in the rows, and in the conditions: the search is run once for each. Lazy.

    Raises PatternError as npath does.
    """
    search = prepare(
        rows,
        partition_by=partition_by,
        order_by=order_by,
        symbols=symbols,
        pattern=pattern,
        measures={},
        mode=mode,
        prefer=prefer,
        within=within,
        max_rows=max_rows,
    )
    needed = conditions(pattern, search.question, is_limited=search.limit is not None)
    counted = search.partitions.select(_counts(search, needed).alias("found")).select("found.*")
    told = F.array(*(_told(condition, place) for place, condition in enumerate(needed)))
    return counted.agg(told.alias("told")).select(F.inline("told"))


@dataclass(frozen=True)
class Condition:
    """Something that a match needs, and what finds the matches without it.

    `mask` are the bits to set on every row; `symbol` is the number of the symbol, -1 for anything else.
    """

    name: str
    kind: str
    relaxed: Matcher
    symbol: int = -1

    @property
    def mask(self) -> int:
        return 1 << self.symbol if self.symbol >= 0 else 0


def conditions(pattern: str, question: Question, *, is_limited: bool) -> list[Condition]:
    """What a match of the pattern needs: the symbols in it, the anchors in it, and the limit of time."""
    names = question.symbol_names
    parsed = parse(pattern, {name: number for number, name in enumerate(names)})

    def matcher(part: tree.Pattern) -> Matcher:
        longest = not question.matcher.open.single
        return Matcher(build(part), longest=longest, skip=Skip("next row"), labelled=False)

    plain = matcher(parsed)
    used = sorted({symbol for symbol in plain.automaton.symbol if symbol is not None})
    loose = {"^": _without_anchor(parsed, at_end=False), "$": _without_anchor(parsed, at_end=True)}
    return [
        *(Condition(names[symbol], "symbol", plain, symbol) for symbol in used),
        *(Condition(sign, "anchor", matcher(part)) for sign, part in loose.items() if part != parsed),
        *([Condition("within", "limit", plain)] if is_limited else []),
    ]


def _without_anchor(part: tree.Pattern, *, at_end: bool) -> tree.Pattern:
    """The pattern where this anchor holds everywhere."""
    match part:
        case tree.Anchor() if part.at_end == at_end:
            return tree.Sequence(())
        case tree.Sequence(parts):
            return tree.Sequence(tuple(_without_anchor(each, at_end=at_end) for each in parts))
        case tree.Choice(options):
            return tree.Choice(tuple(_without_anchor(each, at_end=at_end) for each in options))
        case tree.Repeat(body):
            return replace(part, body=_without_anchor(body, at_end=at_end))
        case _:
            return part


def _counts(search: Prepared, needed: Sequence[Condition]) -> Column:
    """Each partition's counts."""
    census, limit = Census(search.question.matcher, needed), search.limit

    def count(masks: pa.Array, clocks: pa.Array) -> pa.Array:
        batch = zip(lists(masks), clocks, strict=True)
        counts = [census.counts(rows, limits(clock, limit)) for rows, clock in batch]
        return pa.array(counts, _ARROW)

    clock = F.col(f"{ROWS}.clock") if limit is not None else F.lit(None).cast("array<int>")
    return arrow_udf(count, TYPE)(F.col(f"{ROWS}.mask"), clock)  # type: ignore[no-any-return, call-overload]


_ARROW = pa.struct(
    [
        *((name, pa.int64()) for name in TOTALS),
        ("conditions", pa.list_(pa.struct([(name, pa.int64()) for name in COUNTS]))),
    ]
)


class Census:
    """Counts what the conditions stop, in one partition after the other."""

    def __init__(self, matcher: Matcher, conditions: Sequence[Condition]) -> None:
        self.matcher, self.conditions = matcher, conditions
        self.walk = Walk(matcher.automaton)

    def counts(self, masks: Sequence[int], within: Sequence[int] | None) -> dict[str, Any]:
        """The partition's counts; `within` holds for each row the place before which a match must end."""
        found, failed = searched(self.matcher, masks, within)
        matches = sum(match.end > match.start for match in found)
        begun = [it for it in self.walk.attempts(masks, failed, within) if it.end > it.start]
        stopped: Counter[tuple[int, str]] = Counter()
        for attempt in begun:
            stopped.update((index, attempt.outcome) for index in self.stoppers(attempt))
        told = [
            {outcome: stopped[index, outcome] for outcome in OUTCOMES}
            | self.relaxed(condition, masks, within, begun, matches > 0)
            | {
                "partitions_stopped": int(any(stopped[index, outcome] for outcome in OUTCOMES)),
                "partitions_without": int(
                    condition.symbol >= 0 and not any(mask & condition.mask for mask in masks)
                ),
            }
            for index, condition in enumerate(self.conditions)
        ]
        totals = (matches + len(begun), len(begun), matches, 1, int(matches > 0))
        return dict(zip(TOTALS, totals, strict=True)) | {"conditions": told}

    def stoppers(self, attempt: Attempt) -> list[int]:
        """The conditions, by their place, that stopped this attempt."""
        states = attempt.states
        stops = {self.matcher.automaton.symbol[state] for state in bits(self.walk.ahead(states))}
        names = {"$"} if self.walk.wants_end(states) else set()
        names |= {"within"} if attempt.outcome == "timed_out" else set()
        return [
            place
            for place, condition in enumerate(self.conditions)
            if (condition.symbol in stops if condition.kind == "symbol" else condition.name in names)
        ]

    def relaxed(
        self,
        condition: Condition,
        masks: Sequence[int],
        within: Sequence[int] | None,
        begun: Sequence[Attempt],
        has_match: bool,
    ) -> dict[str, int]:
        """What would match without the condition."""
        if has_match and not begun:
            return {"would_match": 0, "partitions_would_match": 0}
        within = within if condition.kind != "limit" else None
        starts = beginnings(condition.relaxed, [mask | condition.mask for mask in masks], within)
        return {
            "would_match": sum(attempt.start in starts for attempt in begun),
            "partitions_would_match": int(bool(starts) and not has_match),
        }


def _told(condition: Condition, place: int) -> Column:
    """The condition's row, summed over the partitions."""
    counts = F.col("conditions")[place]
    stopped = sum((counts[outcome] for outcome in OUTCOMES[1:]), counts[OUTCOMES[0]])
    return F.struct(
        F.lit(condition.name).alias("symbol"),
        F.lit(condition.kind).alias("kind"),
        _sum(stopped).alias("stopped"),
        *(_sum(counts[name]).alias(name) for name in COUNTS),
        *(_sum(F.col(name)).alias(name) for name in TOTALS),
    )


def _sum(amount: Column) -> Column:
    return F.coalesce(F.sum(amount), F.lit(0))

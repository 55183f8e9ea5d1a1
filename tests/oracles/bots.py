"""Who is a machine, event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import crawleruseragents

Visit = tuple[str | None, datetime | None, str | None]


def reasons(visits: Sequence[Visit], max_per_minute: int) -> Iterator[str | None]:
    """In the order of the visits; times are naive UTC."""
    minutes = Counter(
        (visitor, at.replace(second=0, microsecond=0)) for visitor, at, _ in visits if visitor and at
    )
    busy = {
        (visitor, minute.date()) for (visitor, minute), count in minutes.items() if count > max_per_minute
    }
    for visitor, at, agent in visits:
        found = []
        if agent is not None and crawleruseragents.is_crawler(agent):
            found.append("user_agent")
        if at is not None and (visitor, at.date()) in busy:
            found.append("rate")
        yield ", ".join(found) or None

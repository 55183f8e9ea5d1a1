"""The tasks: each is data, and one file."""

from bench.task import Task
from bench.tasks import (
    attribution,
    fruitless,
    funnel,
    graph_change,
    graph_communities,
    graph_components,
    graph_links,
    graph_pagerank,
    graph_star,
    npath,
    sentiment,
    sessionize,
    text_bigrams,
    top_paths,
)

__all__ = ["TASKS"]

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        sessionize.TASK,
        top_paths.TASK,
        funnel.TASK,
        npath.TASK,
        fruitless.TASK,
        text_bigrams.TASK,
        sentiment.TASK,
        graph_pagerank.TASK,
        graph_components.TASK,
        graph_communities.TASK,
        graph_links.TASK,
        graph_change.RANKS,
        graph_change.COMPONENTS,
        graph_star.TASK,
        attribution.TASK,
    )
}
"""By the names that the command takes."""

"""The tasks: each is data, and one file."""

from bench.task import Task
from bench.tasks import fruitless, funnel, npath, sentiment, sessionize, text_bigrams, top_paths

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
    )
}
"""By the names that the command takes."""

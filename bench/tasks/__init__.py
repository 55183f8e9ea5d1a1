"""The tasks: each is data, and one file."""

from bench.task import Task
from bench.tasks import fruitless, funnel, npath, sessionize, top_paths

__all__ = ["TASKS"]

TASKS: dict[str, Task] = {
    task.name: task for task in (sessionize.TASK, top_paths.TASK, funnel.TASK, npath.TASK, fruitless.TASK)
}
"""By the names that the command takes."""

"""The tasks: each is data, and one file."""

from bench.task import Task
from bench.tasks import sessionize

__all__ = ["TASKS"]

TASKS: dict[str, Task] = {task.name: task for task in (sessionize.TASK,)}

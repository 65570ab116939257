"""Which tasks there are: the laboratory's, the public benchmarks, and a user's own.

To add one, make a `Task` and `register` it; nothing else in the package knows tasks by name. A
file that does so and is named in $CROSSLINGUAL_TASKS is read by the command line and by workers.
"""

from __future__ import annotations

import os
from pathlib import Path

from .benchmarks import benchmark_tasks
from .errors import ConfigError, UnknownTaskError
from .home import HOME_TASKS
from .tasks import Task

__all__ = ["get_task", "register", "shipped_tasks", "task_names"]

_REGISTRY: dict[str, Task] = {}
_FILES: set[str] = set()  # of tasks, that were run


def register(task: Task) -> Task:
    """Make a task known by its name; a second one of the same name replaces it.

    Parameters
    ----------
    task : Task
        It is given back, so that a line can make and register it.
    """
    _REGISTRY[task.name] = task
    return task


def shipped_tasks() -> dict[str, Task]:
    """Name -> task of those that come with the package."""
    return {task.name: task for task in HOME_TASKS} | benchmark_tasks()


def _known() -> dict[str, Task]:
    for path in filter(None, os.environ.get("CROSSLINGUAL_TASKS", "").split(os.pathsep)):
        _run_file(path)
    return shipped_tasks() | _REGISTRY


def _run_file(path: str) -> None:
    """Run a file that registers tasks, once a process; so workers know them too."""
    import runpy

    if path in _FILES:  # also while it runs: it may ask for other tasks
        return
    _FILES.add(path)
    if not Path(path).is_file():
        _FILES.discard(path)
        raise ConfigError(f"$CROSSLINGUAL_TASKS names {path!r}, which is no file.")
    try:
        runpy.run_path(path)
    except Exception as error:
        _FILES.discard(path)
        raise ConfigError(
            f"the tasks of {path!r} cannot be read ({type(error).__name__}: {error})."
        ) from error


def task_names() -> list[str]:
    """Names of all tasks."""
    return sorted(_known())


def get_task(name: str) -> Task:
    """Look up a task by name.

    Parameters
    ----------
    name : str
        One of `task_names`.

    Raises
    ------
    UnknownTaskError
        With the nearest names.
    """
    known = _known()
    if name not in known:
        raise UnknownTaskError(name, known)
    return known[name]

"""What a site tells the operator of itself when it joins: counts and names of cameras, nothing of content."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from isofed import __version__
from isofed.client.site.settings import Settings
from isofed.errors import DataError
from isofed.suggest import pick
from isofed.tasks import TASKS
from isofed.tasks.parting import opening
from isofed.tasks.task import DataLayout, Task
from isofed.tasks.traced import traced

CAMERA, ENTITY = "camera", "entity"


def manifest(settings: Settings) -> dict[str, Any]:
    """Return who the site is and how much it holds, after opening all of it.

    No path, no file's name, no label and nothing of a picture is in it.

    Args:
        settings: of the site.

    Returns:
        What :func:`isofed.protocols.manifest.checked` lets through: ``counts`` are ``files`` read and, of
        a trainer, ``images`` and ``identities``; ``classes`` is what the layout resolves from the site's
        own part.

    Raises:
        ConfigError: an unknown task or layout.
        DataError: the data are not what their layout promises.
    """
    task, layout = found(settings)
    classes = int(layout.resolve(Path(settings.root), task.options())["classes"])
    return {
        "task": task.name,
        "layout": layout.name,
        "entity": settings.entity,
        "role": settings.role,
        "level": settings.level,
        "cameras": _cameras(settings, layout),
        "counts": counts(settings, task, layout),
        "classes": classes,
        "min_images": settings.min_images,
        "centres": settings.centres,
        "version": __version__,
    }


def found(settings: Settings) -> tuple[Task, DataLayout]:
    """Return the task and the layout of a site.

    Raises:
        ConfigError: there is none of that name.
    """
    task = pick("task", settings.task, TASKS)
    return task, pick("layout", settings.layout, task.layouts)


def counts(settings: Settings, task: Task, layout: DataLayout) -> dict[str, int]:
    """Open a site's data, and count."""
    root = Path(settings.root)
    options = opening(task, layout, root)
    with tempfile.TemporaryDirectory(prefix="isofed-count-") as cache:
        if settings.role != "trainer":
            _, trace = traced(root, lambda: layout.open_test(root, Path(cache), options))
            return {"files": len(trace.files)}
        samples, trace = traced(root, lambda: layout.open_train(root, settings.name, Path(cache), options))
        known = set() if samples.labels is None else set(samples.labels.tolist()) - {-1}
        identities = {} if samples.labels is None else {"identities": len(known)}
        return {"files": len(trace.files), "images": len(samples), **identities}


def _cameras(settings: Settings, layout: DataLayout) -> list[str]:
    if settings.role != "trainer":
        return []
    if settings.level != ENTITY:
        return [settings.name]
    # an institution holds the whole tree, and so can list its cameras; a layout need not have any
    with suppress(DataError):
        names = layout.sites(Path(settings.root), CAMERA) if CAMERA in layout.levels else ()
        return [name if isinstance(name, str) else name.name for name in names][:100]
    return []

"""A relay at work: its tasks go on side by side until somebody stops them, or one of them fails."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

TICK = 0.25  # seconds between two looks


async def until_stopped(
    work: list[Coroutine[Any, Any, None]], stop: threading.Event, tend: Callable[[], None] = lambda: None
) -> None:
    """Run until ``stop`` is set or a part of the work ends, then end all of it.

    Args:
        work: what goes on side by side.
        stop: looked at every quarter of a second.
        tend: called as often.

    Raises:
        Exception: what a part of the work raised.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        while not stop.is_set() and not any(task.done() for task in tasks):
            await asyncio.sleep(TICK)
            tend()
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

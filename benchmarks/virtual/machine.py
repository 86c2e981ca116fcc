"""The machine, and what else it was doing."""

import os
import platform
import time
from pathlib import Path
from typing import Any

import psutil
import torch

LOOK = 1.0  # seconds


def state() -> dict[str, Any]:
    """Return what the times depend on; call while no engine is at work.

    Returns:
        ``cpu``, ``cores``, ``memory`` (bytes), ``python``, ``torch``, ``when``; ``load`` of 1, 5 and 15
        minutes, our own work included; ``others`` and ``stolen``: cores that other programs, and other
        machines on the same host, took in the second in which this was asked.
    """
    used = psutil.cpu_times_percent(LOOK)
    share = psutil.cpu_count() / 100
    return {
        "cpu": _model() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "load": [round(value, 2) for value in os.getloadavg()],
        "others": round((used.user + used.nice + used.system) * share, 2),
        "stolen": round(getattr(used, "steal", 0.0) * share, 2),
    }


def working() -> float:
    """Return the seconds that all cores together have worked, for whomever, other machines included."""
    spent = psutil.cpu_times()
    return sum(spent[:3]) + sum(getattr(spent, kind, 0.0) for kind in ("irq", "softirq", "steal"))


def _model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def words(seen: dict[str, Any]) -> str:
    """Say of the machine what does not change."""
    size = f"{seen['memory'] / 1e9:.0f} GB"
    return f"{seen['cpu']}, {seen['cores']} cores, {size}, Python {seen['python']}, torch {seen['torch']}"


def busy(seen: dict[str, Any]) -> str:
    """Say what else it was doing."""
    load = " ".join(f"{value:.2f}" for value in seen["load"])
    return f"load {load}; others took {seen['others']:.2f} cores, other machines {seen['stolen']:.2f}"

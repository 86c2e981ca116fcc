"""The honest controls: what the result would be without each thing that is said to matter."""

from typing import Any


def run(job: Any) -> dict[str, Any]:
    """Run the controls; see simulations/controls.py's table."""
    raise NotImplementedError

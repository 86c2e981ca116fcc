"""A site's worker that reports a model at once, without training: ``report_worker.py ADDRESS SECRET_FILE``.

Its report is one that a run counts; the model differs a little from site to site and from the one before.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from isofed.protocols.letter import Held
from isofed.protocols.runtime import SITE_TASK, Asked, Door, answer_task


def report(asked: Asked) -> Message:
    """Return a report with the model that came, a little larger."""
    said = asked.message.content
    order: Any = dict(said.config_records["order"])
    more = np.float32(1.0 + 1e-3 * (asked.context.node_id % 97 + 1))
    records: dict[str, Any] = {
        name: _scaled(record, more if name == "value.model" else np.float32(1.0))
        for name, record in said.array_records.items()
    }
    version = f"{order['round']}.{order['attempt']}"
    records["report"] = ConfigRecord(
        {"round": order["round"], "attempt": order["attempt"], "version": version}
    )
    records["numbers"] = MetricRecord({"examples": 8, "steps": 1, "loss": 1.0})
    return Message(RecordDict(records), reply_to=asked.message)


def _scaled(record: ArrayRecord, by: np.float32) -> ArrayRecord:
    made = ArrayRecord()
    for key, array in record.items():
        values = array.numpy()
        made[key] = Held(values * by if values.dtype == np.float32 else values)
    return made


if __name__ == "__main__":
    door = Door(sys.argv[1], Path(sys.argv[2]).read_bytes())
    for token in door.acquire(SITE_TASK):
        if token:
            answer_task(door, token, report)
        else:
            time.sleep(0.05)

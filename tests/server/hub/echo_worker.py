"""A site's worker that says what it was asked: ``echo_worker.py ADDRESS SECRET_FILE``.

An order of ours it answers with a report that counts, as if it had trained.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from isofed.protocols.answering import Asked, answer_task
from isofed.protocols.runtime import SITE_TASK, Door


def echo(asked: Asked) -> Message:
    """Return every array with its values negated, and what the message came with."""
    said = asked.message.content
    if "order" in said.config_records:
        return reported(asked)
    arrays = {
        name: ArrayRecord([-array for array in record.to_numpy_ndarrays()])
        for name, record in said.array_records.items()
    }
    about = ConfigRecord({"cfg": asked.cfg, "bundle": asked.bundle, "node": str(asked.context.node_id)})
    return Message(RecordDict({**arrays, "about": about}), reply_to=asked.message)


def reported(asked: Asked) -> Message:
    """Return a report of the model that came, a little larger, by another part at each site."""
    said = asked.message.content
    order: Any = dict(said.config_records["order"])
    about = {"round": order["round"], "attempt": order["attempt"]}
    records: dict[str, Any] = dict(said.array_records)
    records["value.model"] = ArrayRecord()
    for key, array in said.array_records["value.model"].items():
        larger = array.numpy() * np.float32(1.001 + asked.context.node_id % 97 / 1000)
        records["value.model"][key] = Array(larger.astype(array.dtype))
    records["report"] = ConfigRecord({**about, "version": f"{about['round']}.{about['attempt']}"})
    records["numbers"] = MetricRecord({"examples": 8, "steps": 1, "loss": 1.0})
    return Message(RecordDict(records), reply_to=asked.message)


if __name__ == "__main__":
    assert np.float32(1)  # numpy is loaded before the first message is timed
    door = Door(sys.argv[1], Path(sys.argv[2]).read_bytes())
    for token in door.acquire(SITE_TASK):
        if token:
            answer_task(door, token, echo)
        else:
            time.sleep(0.05)

"""A site's worker that says what it was asked: ``echo_worker.py ADDRESS SECRET_FILE``."""

import sys
import time
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict

from isofed.protocols.runtime import SITE_TASK, Asked, Door, answer_task


def echo(asked: Asked) -> Message:
    """Return every array with its values negated, and what the message came with."""
    said = asked.message.content
    arrays = {
        name: ArrayRecord([-array for array in record.to_numpy_ndarrays()])
        for name, record in said.array_records.items()
    }
    about = ConfigRecord({"cfg": asked.cfg, "bundle": asked.bundle, "node": str(asked.context.node_id)})
    return Message(RecordDict({**arrays, "about": about}), reply_to=asked.message)


if __name__ == "__main__":
    assert np.float32(1)  # numpy is loaded before the first message is timed
    door = Door(sys.argv[1], Path(sys.argv[2]).read_bytes())
    for token in door.acquire(SITE_TASK):
        if token:
            answer_task(door, token, echo)
        else:
            time.sleep(0.05)

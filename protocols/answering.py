"""A site's side of Flower's SuperNode: take a task, answer it.

Apart from :mod:`isofed.protocols.runtime`, because what Flower has for this brings its commands into the
process, which the server's run has no use for. Uses names of Flower that it does not promise to keep.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from flwr.app import Context, Message
from flwr.common.constant import SubStatus
from flwr.supercore.heartbeat import HeartbeatSender
from flwr.supercore.inflatable.inflatable_utils import ObjectPullError, ObjectPushError
from flwr.supernode.runtime.run_clientapp import pull_task_input, push_message, push_task_output

from isofed.protocols.link import Over, beating
from isofed.protocols.runtime import Door
from isofed.protocols.tasks import patient


@dataclass(frozen=True)
class Asked:
    """A message for a site, as its SuperNode hands it over.

    Args:
        message: what is asked.
        cfg: the run's configuration as JSON.
        bundle: SHA-256 of the run's application bundle.
        number: the node's.
    """

    message: Message
    cfg: str
    bundle: str
    context: Context


def answer_task(
    door: Door,
    token: str,
    handle: Callable[[Asked], Message],
    overtaken: Callable[[], bool] = lambda: False,
) -> bool:
    """Take a task's message, let ``handle`` answer it, and hand the reply over.

    Signs of life go on meanwhile. ``handle`` raises nothing: what goes wrong is an error reply.

    Args:
        door: of the SuperNode's Runtime API.
        token: of the task.
        handle: from what is asked to the answer.
        overtaken: whether the rest of a message need not be waited for any more, see
            :class:`isofed.protocols.tasks.Tasks`.

    Returns:
        Whether the reply was handed over; not where the SuperNode died, or gave the task up.
    """
    client: Any = door.runtime("flwr-clientapp", token)
    # a SuperNode hands a task out before it has all of the message, and Flower looks again after a second
    client.PullMessages = patient(client.PullMessages, lambda got: got.messages_list, overtaken)
    client.PullObject = patient(
        client.PullObject, lambda got: got.object_available or not got.object_found, overtaken
    )
    beat = HeartbeatSender(beating(client, lambda: None))
    beat.start()
    status = SubStatus.FAILED
    with suppress(httpx.HTTPError, ObjectPushError, ObjectPullError, Over):
        message, context, _, fab = pull_task_input(client)
        cfg = str(context.run_config.get("cfg", ""))
        digest = hashlib.sha256(fab.content).hexdigest()
        push_message(client, handle(Asked(message, cfg, digest, context)), context)
        status = SubStatus.COMPLETED
    beat.stop()
    with suppress(httpx.HTTPError):
        push_task_output(client=client, context=None, sub_status=status, details="")
    client.close()
    return status == SubStatus.COMPLETED

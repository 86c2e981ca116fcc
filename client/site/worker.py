"""The site's resident: model, data and device stay from message to message, the policy is asked before each.

It is the SuperNode's ClientApp: it takes each message from it, and what it does with one is what a simulated
site does, ``isofed.client.app``. What the run's bundle holds is never looked at.
"""

import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from flwr.app import Context, Error, Message, MessageType
from flwr.common.constant import ErrorCode

from isofed.client.app import client_app
from isofed.client.place import TRAINER
from isofed.client.site.diary import Asking, Diary
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import read_policy
from isofed.client.site.settings import Settings, read_settings
from isofed.client.site.state import State, write_state
from isofed.errors import ContractError, IsofedError
from isofed.protocols.answering import Asked, answer_task
from isofed.protocols.refusals import refusal_content, refusal_in
from isofed.protocols.runtime import POLL, SITE_TASK, Door, bundle
from isofed.protocols.tasks import Tasks
from isofed.protocols.wire import ORDER, payload

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
KEYS = (
    *("run", "seed", "rounds", "evaluate_every", "layout", "task", "protocol", "strategy"),
    *("privacy", "holdout", "cohort", "dp", "clients"),
)
SLOWEST = 0.5  # seconds between two looks for work
PATIENCE = 20.0  # idle so many times longer than it waits between two looks
ERRORS = "errors.log"


@dataclass(frozen=True)
class Desk:
    """A site at work.

    Args:
        folder: the site's.
        settings: of site.toml.
        diary: what it writes down.
        app: answers a message; that of every engine.
        state: of this worker.
    """

    folder: SiteFolder
    settings: Settings
    diary: Diary
    app: Callable[[Message, Context], Message] = field(default_factory=client_app, repr=False)
    state: State = field(default_factory=State)

    @cached_property
    def bundle(self) -> str:
        """SHA-256 of the only bundle that a run may come with: the one without code."""
        return bundle()[1]

    def node_config(self, run: str) -> dict[str, Any]:
        """Return what :class:`isofed.client.place.Place` reads for a run; its secrets are the site's own."""
        ours = self.settings
        named = {
            key: getattr(ours, key) for key in ("role", "root", "level", "min_images", "centres", "device")
        }
        weights = {"weights": ours.weights} if ours.weights else {}
        memory = str(memory_of(self.folder, run))
        return {"site": ours.name, "home": str(self.folder.home), "memory": memory, **named, **weights}


def memory_of(folder: SiteFolder, run: str) -> Path:
    """Return where a site keeps what it remembers of a run; its account of what left lies beside."""
    return folder.memories / run / "memory"


def answer(desk: Desk, asked: Asked) -> Message:
    """Answer a message; what is refused, and whatever goes wrong, becomes an error reply of one sentence."""
    about, kind = _about(asked.message), _kind(asked.message)
    write_state(desk.folder, desk.state.at(about.run, about.round))
    try:
        return _answered(desk, asked, about, kind)
    except IsofedError as error:
        reason = str(error)
    except Exception as error:
        with suppress(OSError):
            _note(desk.folder)
        # the text of a foreign exception may hold a path or a value
        reason = f"unexpected {type(error).__name__}; see {ERRORS} in the site's folder"
    finally:
        write_state(desk.folder, desk.state.done())
        if desk.settings.device != "cpu":
            torch.cuda.empty_cache()
    desk.diary.refused(about, kind, reason)
    return Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason), reply_to=asked.message)


def _answered(desk: Desk, asked: Asked, about: Asking, kind: str) -> Message:
    began, policy = time.monotonic(), read_policy(desk.folder.policy)
    cfg = _understood(desk, asked, about)
    now = datetime.now()
    begun = desk.diary.begun(about, now.date())
    _refuse(policy.refuse(cfg, kind, now, desk.settings.role, begun))
    # what SuperNode keeps is kept; what it was told of the site counts for nothing
    context = Context(
        run_id=asked.context.run_id,
        node_id=asked.context.node_id,
        node_config=desk.node_config(cfg["run"]) | policy.budgeted(),
        state=asked.context.state,
        run_config={"cfg": asked.cfg},
    )
    reply = desk.app(asked.message, context)
    if (said := refusal_in(reply.content)) is not None:
        desk.diary.refused(about, kind, said.reason)
        return Message(refusal_content(said.code, said.reason), reply_to=asked.message)
    size = payload(reply.content)
    _refuse(policy.refuse_reply(desk.diary.bytes(about, kind, size)))
    desk.diary.answered(about, kind, size, time.monotonic() - began)
    return reply


def _refuse(reason: str | None) -> None:
    if reason:
        raise ContractError(reason)


def _understood(desk: Desk, asked: Asked, about: Asking) -> Mapping[str, Any]:
    """Return the run's configuration after what speaks against it whatever the policy says.

    Raises:
        ContractError: a bundle that might hold code, a configuration that is none of ours, a run that could
            not be filed, data that are not this site's.
    """
    if asked.bundle != desk.bundle:
        raise ContractError(
            "the run's bundle is not the empty one that this site has pinned; start the run with isofed run, "
            "in the version that is installed at the site"
        )
    try:
        cfg = json.loads(asked.cfg)
    except ValueError:
        cfg = None
    if not isinstance(cfg, dict) or set(cfg) - set(KEYS):
        raise ContractError(
            "the run's configuration is not one that this site understands; start the run with isofed run, "
            "in the version that is installed at the site"
        )
    _refuse(next(_misfits(desk.settings, cfg, about), None))
    return cfg


def _misfits(settings: Settings, cfg: Mapping[str, Any], about: Asking) -> Iterator[str]:
    run = cfg.get("run")
    if not isinstance(run, str) or not RUN_NAME.fullmatch(run):
        yield "the run's name is none that a site files; use letters, digits, '.', '_' and '-', at most 100"
    if about.run and about.run != run:
        yield "the order is for another run than the one that it came with; start the run anew"
    if cfg.get("layout") != settings.layout:
        yield (
            f"the run is for data in layout '{cfg.get('layout')}', but this site has '{settings.layout}'; "
            "leave the site out"
        )


def _kind(message: Message) -> str:
    kind = message.metadata.message_type
    return kind if kind in (MessageType.TRAIN, MessageType.EVALUATE) else kind[:40]


def _about(message: Message) -> Asking:
    fields: Any = dict(message.content.config_records.get(ORDER, {})) if message.has_content() else {}
    run, round, attempt = (fields.get(key) for key in ("run", "round", "attempt"))
    # it goes into a log line before anybody has checked it
    if not isinstance(run, str) or not isinstance(round, int) or not isinstance(attempt, int):
        return Asking()
    return Asking(run[:100], round, attempt)


def _note(folder: SiteFolder) -> None:
    # where the app writes, too
    folder.home.mkdir(parents=True, exist_ok=True)
    with (folder.home / ERRORS).open("a") as file:
        file.write(traceback.format_exc())


def serve(desk: Desk, door: Door) -> None:
    """Answer what a SuperNode hands over, for ever.

    The longer there was nothing to do, the longer it waits before it looks again, a twentieth of that time
    and at most half a second: an idle site costs little, and one in the middle of a run answers at once.
    """
    idle, tasks = time.monotonic(), Tasks(door.acquire(SITE_TASK))
    while True:
        if token := tasks.take():
            try:
                answer_task(door, token, lambda asked: answer(desk, asked), tasks.overtaken)
            except Exception:  # the SuperNode is gone or has given the message up; it will ask again
                _note(desk.folder)
            idle = time.monotonic()
        else:
            time.sleep(min(max(POLL, (time.monotonic() - idle) / PATIENCE), SLOWEST))


def at_work(folder: SiteFolder) -> Desk:
    """Return a site ready to answer, on the device and threads that its settings name.

    Raises:
        ConfigError: site.toml or policy.toml is missing or wrong.
    """
    settings = read_settings(folder.settings)
    read_policy(folder.policy)
    torch.set_num_threads(settings.threads)
    desk = Desk(folder, settings, Diary.open(folder))
    if settings.role == TRAINER:
        # the first optimiser makes torch import its compiler, which takes a second
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    write_state(folder, desk.state)
    return desk


def main(argv: list[str]) -> int:
    """Serve the site in a folder: ``python -m isofed.client.site.worker DIR [PORT]``."""
    folder = SiteFolder(Path(argv[0]))
    desk = at_work(folder)
    port = int(argv[1]) if len(argv) > 1 else desk.settings.supernode_port
    serve(desk, Door(f"127.0.0.1:{port}", folder.secret.read_bytes()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

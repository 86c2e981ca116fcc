"""The deployed federation as a grid: the loop sees replies, and nothing of what is lost on the way.

A message is sent again, the same round and attempt, whenever its reply cannot come any more: the site died
and is back, Flower lost it on the way, the SuperLink forgot the run. A site that had answered gives the same
reply again from its memory; here the first one counts, and a second is not looked at.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flwr.app import Error, Message, MessageType
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid

from isofed.events import Emit, silent
from isofed.protocols.link import CRASHED, ON_THE_WAY, Away, Link, Over
from isofed.server.hub.watch import Watch

AGAIN = 2.0  # seconds before a message that failed on the way is sent again
CRASHES = 3  # of a site's worker over one message, after which the site's answer is that it cannot
FORGOTTEN = 20.0  # seconds that a site may be idle while its reply is waited for
QUICK, SLOW = 0.05, 0.25  # seconds between two questions to the SuperLink: at first, and later
DAY = 86400.0


@dataclass(frozen=True)
class Rule:
    """How long a round waits for a site that is not there; for how long it waits at all, the loop says.

    Args:
        fewest: usable replies that make a round.
        absent: seconds of silence after which a site is not waited for, where the others suffice.
        last: the run's last round, behind which all that measure are waited for.
    """

    fewest: int
    absent: float = 60.0
    last: int = 0


@dataclass
class Parcel:
    """A message of the loop's, until it is answered.

    Args:
        message: as the loop gave it.
        site: to whom.
        copy: the next one to leave; the same until the SuperLink has all of it, because a site that was told
            of one waits for its parts, for minutes.
        out: whether a copy is on its way.
        after: when the next copy may leave.
        incarnation: of the site when the last copy left.
        idle: since when the site has said that it does nothing.
        crashes: of the site's worker over it.
    """

    message: Message
    site: str
    copy: Message | None = None
    out: bool = False
    after: float = 0.0
    incarnation: str = ""
    idle: float | None = None
    crashes: int = 0

    def again(self, after: float) -> None:
        """Have another copy sent, then."""
        self.out, self.after, self.idle = False, after, None


class DeployedGrid(Grid):
    """Delivers messages to deployed sites, whatever happens in between; never waits.

    Args:
        opening: opens a run at the SuperLink; called again when the SuperLink has given one up.
        sites: name by node number.
        watch: who is there.
        rule: for whom to wait.
        emit: told ``again`` for each message that is sent once more.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        opening: Callable[[], Link],
        sites: Mapping[int, str],
        watch: Watch,
        rule: Rule,
        emit: Emit = silent,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opening, self._sites, self._watch = opening, sites, watch
        self._rule, self._emit, self._clock = rule, emit, clock
        self._link: Link | None = None
        self._parcels: dict[str, Parcel] = {}  # by the number under which the loop knows each
        self._copies: dict[str, str] = {}  # Flower's number of each copy, to the parcel's
        self._away, self._spare, self._count = False, 0, 0
        self._pushed, self._asked = 0.0, 0.0

    def set_run(self, run: Any) -> None:
        """Accept Flower's run; the grid has its own."""

    @property
    def run(self) -> Any:
        """Flower's run."""
        return self._linked().run

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Return a message; kept because Flower's interface has it."""
        return Message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        """Return the sites' numbers."""
        return sorted(self._sites)

    def open(self) -> None:
        """Open the run; until then no message can be made.

        Raises:
            Away: the SuperLink cannot be reached.
        """
        self._linked()

    def close(self, done: bool) -> None:
        """Tell the SuperLink how the run ended."""
        if self._link is not None:
            self._link.close(done)
            self._link = None

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Take messages; whoever pushes again has given up what is not answered."""
        self._parcels.clear()
        self._copies.clear()
        for message in messages:
            self._count += 1
            self._parcels[f"parcel {self._count}"] = Parcel(
                message, self._sites[message.metadata.dst_node_id]
            )
        trained = sum(_trains(parcel) for parcel in self._parcels.values())
        self._spare = max(trained - self._rule.fewest, 0)
        self._pushed, keys = self._clock(), list(self._parcels)
        self._carry(self._send)
        return keys

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are there, each once."""
        self._watch.look()
        self._notice()
        replies: list[Message] = []
        now = self._clock()
        if now - self._asked >= min(SLOW, max(QUICK, (now - self._pushed) / 40)):
            self._carry(self._send)
            self._carry(lambda: replies.extend(self._replies()))
            self._asked = self._clock()
        return replies + self._absent()

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Kept because Flower's interface has it; the loop looks for replies itself."""
        raise NotImplementedError

    def _linked(self) -> Link:
        if self._link is None:
            self._link = self._opening()
        return self._link

    def _carry(self, work: Callable[[], None]) -> None:
        """Do something at the SuperLink; where it is away or has ended the run, all is sent anew later."""
        try:
            link = self._linked()
            if self._away:
                link.get_node_ids()
                self._away = False
                self._anew("the SuperLink was away")
            work()
        except Over:
            if self._link is not None:
                self._link.close(done=False)
            self._link = None
            for parcel in self._parcels.values():
                parcel.copy = None  # it was made for the run that is over
            self._anew("the SuperLink gave the run up")
        except Away:
            self._away = True

    def _anew(self, reason: str) -> None:
        for parcel in self._parcels.values():
            if parcel.out:
                self._again(parcel, reason, 0.0)

    def _again(self, parcel: Parcel, reason: str, wait: float) -> None:
        parcel.again(self._clock() + wait)
        self._emit("again", site=parcel.site, reason=reason)

    def _send(self) -> None:
        now, watch = self._clock(), self._watch
        due = {
            key: parcel
            for key, parcel in self._parcels.items()
            if not parcel.out and now >= parcel.after and not watch.lost(parcel.site)
        }
        if not due:
            return
        for parcel in due.values():
            parcel.copy = parcel.copy or _copy(parcel.message)
        numbers = self._linked().push_messages([parcel.copy for parcel in due.values() if parcel.copy])
        for (key, parcel), number in zip(due.items(), numbers, strict=True):
            if not number:  # the node was never there
                parcel.after = now + AGAIN
                continue
            self._copies[number], parcel.copy = key, None
            parcel.out, parcel.incarnation = True, watch.incarnation(parcel.site)

    def _notice(self) -> None:
        """Have that sent again which its site cannot answer any more."""
        for parcel in self._parcels.values():
            if not parcel.out or self._watch.lost(parcel.site):
                continue
            now, incarnation = self._clock(), self._watch.incarnation(parcel.site)
            if incarnation != parcel.incarnation:
                known, parcel.incarnation = bool(parcel.incarnation), incarnation
                if known:
                    self._again(parcel, "the site started anew", 0.0)
            elif not self._watch.idle(parcel.site):
                parcel.idle = None
            elif parcel.idle is None:
                parcel.idle = now
            elif now - parcel.idle > FORGOTTEN:
                self._again(parcel, "the site does nothing", 0.0)

    def _replies(self) -> Iterator[Message]:
        for reply in self._linked().pull_messages(list(self._copies)):
            key = self._copies.pop(reply.metadata.reply_to_message_id, "")
            parcel = self._parcels.get(key)
            if parcel is not None and not self._lost(key, parcel, reply):
                yield self._answered(key, reply)

    def _lost(self, key: str, parcel: Parcel, reply: Message) -> bool:
        """Return whether a reply says only that something was lost on the way, and have it sent again."""
        if not reply.has_error() or reply.error.code not in ON_THE_WAY:
            return False
        parcel.crashes += reply.error.code == CRASHED
        if parcel.crashes >= CRASHES:
            return False
        if parcel.out and key not in self._copies.values():
            self._again(parcel, f"lost on the way ({reply.error.reason})", AGAIN)
        return True

    def _answered(self, key: str, reply: Message) -> Message:
        del self._parcels[key]
        self._copies = {number: k for number, k in self._copies.items() if k != key}
        reply.metadata.__dict__["_reply_to_message_id"] = key
        return reply

    def _absent(self) -> list[Message]:
        """Give up on sites that have been silent for too long, as many as the round can do without."""
        gone = []
        for key, parcel in list(self._parcels.items()):
            silence, trains = self._watch.silence(parcel.site), _trains(parcel)
            needed = not self._spare if trains else _round(parcel) >= self._rule.last
            if not needed and silence > self._rule.absent:
                self._spare -= trains
                gone.append(self._answered(key, _error(parcel.message, f"not heard of for {silence:.0f} s")))
        return gone


def _trains(parcel: Parcel) -> bool:
    return parcel.message.metadata.message_type == MessageType.TRAIN


def _round(parcel: Parcel) -> int:
    return int(parcel.message.metadata.group_id)


def _copy(message: Message) -> Message:
    """Return a message with the same content, which Flower takes for another one."""
    about = message.metadata
    return Message(
        message.content, about.dst_node_id, about.message_type, group_id=about.group_id, ttl=7 * DAY
    )


def _error(message: Message, reason: str) -> Message:
    return Message(Error(ErrorCode.NODE_UNAVAILABLE, reason), reply_to=message)

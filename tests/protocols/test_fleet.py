"""The few fields that are read of Flower's messages, against Flower's own classes."""

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime

import pytest
from flwr.common.constant import TIMESTAMP_HEADER
from flwr.proto.fab_pb2 import Fab, GetFabResponse
from flwr.proto.fleet_pb2 import DeactivateNodeRequest, PullMessagesResponse, PushMessagesRequest
from flwr.proto.message_pb2 import (
    ConfirmMessageReceivedRequest,
    Message,
    Metadata,
    ObjectTree,
    PullObjectResponse,
)
from flwr.proto.node_pb2 import Node
from flwr.supercore.constant import FLEET_HTTP_PUBLIC_KEY_HEADER, FLEET_HTTP_SIGNATURE_HEADER
from flwr.supercore.primitives.asymmetric import bytes_to_public_key, verify_signature
from flwr.superlink.routers.fleet.router import router
from hypothesis import given
from hypothesis import strategies as st

from isofed.protocols import fleet
from isofed.protocols.keys import new_key
from isofed.protocols.relay.wire import Head, Refused

KEY = new_key()
numbers = st.integers(min_value=1, max_value=2**64 - 1)
names = st.text(max_size=40)
trees = st.lists(names, max_size=4).map(
    lambda ids: ObjectTree(children=[ObjectTree(object_id=i) for i in ids])
)


def test_the_paths_are_flowers_without_registering() -> None:
    flowers = {str(getattr(route, "path", "")) for route in router.routes}
    assert flowers - fleet.PATHS == {"/v1/fleet/register-node", "/v1/fleet/unregister-node"}
    assert flowers >= fleet.PATHS


def test_the_headers_are_flowers() -> None:
    assert fleet.KEY_HEADER.decode() == FLEET_HTTP_PUBLIC_KEY_HEADER.lower()
    assert fleet.TIME_HEADER.decode() == TIMESTAMP_HEADER.lower()
    assert fleet.SIGNATURE_HEADER.decode() == FLEET_HTTP_SIGNATURE_HEADER.lower()


@given(numbers)
def test_a_node_signs_off_as_flower_reads_it(node: int) -> None:
    head, body = fleet.signing_off(KEY, node, 1.5e9)
    assert DeactivateNodeRequest.FromString(body).node_id == node
    assert DeactivateNodeRequest(node_id=node).SerializeToString() == body
    said = dict(head.headers)
    key, signature = (base64.b64decode(said[n]) for n in (fleet.KEY_HEADER, fleet.SIGNATURE_HEADER))
    assert verify_signature(bytes_to_public_key(key), said[fleet.TIME_HEADER], signature)
    assert datetime.fromisoformat(said[fleet.TIME_HEADER].decode()).timestamp() == 1.5e9
    assert int(said[b"content-length"]) == len(body) and head.path in fleet.PATHS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/control/start-run", 404),
        ("POST", "/v1/runtime/acquire-task", 404),
        ("POST", "/v1/fleet/register-node", 404),
        ("POST", "/v1/fleet/unregister-node", 404),
        ("POST", "/v1/fleet/../control/start-run", 404),
        ("POST", "/v1/fleet/pull-messages?x=1", 404),
        ("POST", "/v1/fleet/pull%2Dmessages", 404),
        ("GET", "/v1/fleet/pull-messages", 405),
        ("GET", "/health", 404),
    ],
)
def test_other_paths_are_refused(method: str, path: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        fleet.check(Head(method, path))
    assert refused.value.status == status


def test_the_fleets_paths_pass() -> None:
    for path in fleet.PATHS:
        fleet.check(Head("POST", path))


@given(numbers, names.filter(bool), names, trees)
def test_what_was_pulled(run: int, number: str, group: str, tree: ObjectTree) -> None:
    about = Metadata(run_id=run, message_id=number, group_id=group, ttl=3.5, created_at=1.0, dst_node_id=run)
    answer = PullMessagesResponse(messages_list=[Message(metadata=about)], message_object_trees=[tree])
    assert fleet.pulled(answer.SerializeToString()) == number
    assert fleet.round_of(answer.SerializeToString()) == group


def test_nothing_was_pulled() -> None:
    assert fleet.pulled(PullMessagesResponse().SerializeToString()) == ""
    assert fleet.pulled(b"") == ""


@given(st.lists(st.one_of(st.just(0), numbers), max_size=4), trees)
def test_who_sends(nodes: list[int], tree: ObjectTree) -> None:
    each = [Message(metadata=Metadata(run_id=5, src_node_id=node, message_id="m")) for node in nodes]
    request = PushMessagesRequest(
        node=Node(node_id=9), messages_list=each, message_object_trees=[tree], clientapp_runtime_list=[0.5]
    )
    assert fleet.senders(request.SerializeToString()) == set(nodes)


def test_a_sender_told_twice_counts_twice() -> None:
    """A reader of protocol buffers takes the last of two; whoever checks the first would be fooled."""

    def message(node: int) -> bytes:
        return Message(metadata=Metadata(src_node_id=node)).SerializeToString()

    both = message(1) + message(2)
    assert Message.FromString(both).metadata.src_node_id == 2
    request = b"\x12" + bytes([len(both)]) + both
    assert fleet.senders(request) == {1, 2}


@given(names, numbers)
def test_what_is_confirmed(number: str, run: int) -> None:
    request = ConfirmMessageReceivedRequest(node=Node(node_id=3), run_id=run, message_object_id=number)
    assert fleet.confirmed(request.SerializeToString()) == number


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_whether_an_object_is_still_coming(known: bool, there: bool) -> None:
    answer = PullObjectResponse(object_found=known, object_available=there)
    assert fleet.still_coming(answer.SerializeToString()) == (known and not there)
    assert answer.ByteSize() <= 64  # the gateway looks at no longer answer


@given(st.binary(max_size=200), names)
def test_a_bundles_digest(content: bytes, claimed: str) -> None:
    answer = GetFabResponse(fab=Fab(hash_str=claimed, content=content, verifications={"a": "b"}))
    assert fleet.bundle_of(answer.SerializeToString()) == (
        hashlib.sha256(content).hexdigest() if content else ""
    )


def test_two_bundles_in_one_answer_are_none() -> None:
    one, two = (GetFabResponse(fab=Fab(content=c)).SerializeToString() for c in (b"good", b"bad"))
    assert GetFabResponse.FromString(one + two).fab.content == b"bad"
    assert fleet.bundle_of(one + two) == ""


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_read_and_nothing_else(garbage: bytes) -> None:
    reads: tuple[Callable[[bytes], object], ...] = (
        fleet.pulled, fleet.round_of, fleet.senders, fleet.confirmed, fleet.still_coming, fleet.bundle_of
    )  # fmt: skip
    for read in reads:
        try:
            read(garbage)
        except Refused as refused:
            assert refused.status == 400

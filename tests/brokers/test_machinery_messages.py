"""Messages of Machinery: bytes as a Go program writes them, workflows, and what is refused."""

import itertools
import json
import pickle

import pytest

from polyrhythm.base.limits import MESSAGE_BYTES_MAX, SIGNATURE_DEPTH_MAX
from polyrhythm.brokers.errors import BadMessage, WrongValue
from polyrhythm.brokers.machinery import composing
from polyrhythm.brokers.machinery.kinds import Typed, typed
from polyrhythm.brokers.machinery.signature import (
    Signature,
    check_signature,
    decode_signature,
    encode_signature,
)
from polyrhythm.brokers.machinery.states import (
    GroupRecord,
    State,
    TaskState,
    decode_group,
    decode_state,
    encode_group,
    encode_state,
)

# Written by a Go program with Machinery v2.0.16.
FROM_GO = (
    b'{"UUID":"task_1","Name":"add","RoutingKey":"machinery_tasks","ETA":null,"GroupUUID":"",'
    b'"GroupTaskCount":0,"Args":[{"Name":"","Type":"int64","Value":1},{"Name":"","Type":"int64",'
    b'"Value":9223372036854775807}],"Headers":{},"Priority":0,"Immutable":false,"RetryCount":3,'
    b'"RetryTimeout":0,"OnSuccess":[{"UUID":"task_2","Name":"\\u003cb\\u003e","RoutingKey":"",'
    b'"ETA":null,"GroupUUID":"","GroupTaskCount":0,"Args":null,"Headers":null,"Priority":0,'
    b'"Immutable":false,"RetryCount":0,"RetryTimeout":0,"OnSuccess":null,"OnError":null,'
    b'"ChordCallback":null,"BrokerMessageGroupId":"","SQSReceiptHandle":"",'
    b'"StopTaskDeletionOnError":false,"IgnoreWhenTaskNotRegistered":false}],"OnError":null,'
    b'"ChordCallback":null,"BrokerMessageGroupId":"","SQSReceiptHandle":"",'
    b'"StopTaskDeletionOnError":false,"IgnoreWhenTaskNotRegistered":false}'
)


def fresh():
    numbers = itertools.count(1)
    return lambda: f"id{next(numbers)}"


def call(name="add", *values, **fields):
    return Signature(name, [typed(value) for value in values], **fields)


def test_a_message_of_go_is_read_and_written_as_it_was():
    signature = decode_signature(FROM_GO)
    assert signature.name == "add"
    assert [arg.wire for arg in signature.args] == [1, 2**63 - 1]
    assert signature.retry_count == 3
    assert signature.on_success[0].name == "<b>"
    ours, theirs = json.loads(encode_signature(signature)), json.loads(FROM_GO)
    following = theirs["OnSuccess"][0]
    # Go's nil slice and map; an empty one means the same to its reader.
    assert (following["Args"], following["Headers"]) == (None, None)
    following["Args"], following["Headers"] = [], {}
    assert list(ours) == list(theirs)
    assert ours == theirs


def test_keys_match_in_any_case_and_unknown_ones_are_passed_over():
    signature = decode_signature(b'{"uuid":"t","NAME":"add","more":[1],"args":null}')
    assert (signature.uuid, signature.name, signature.args) == ("t", "add", [])


def test_all_fields_come_back():
    signature = call(
        "add",
        1,
        uuid="t",
        routing_key="q",
        eta_ns=1795489445000000001,
        group_uuid="g",
        group_size=2,
        headers={"trace": "x"},
        priority=255,
        immutable=True,
        retry_count=1,
        retry_timeout_s=5,
        on_success=[call("a", uuid="a")],
        on_error=[call("b", uuid="b")],
        chord_callback=call("c", uuid="c"),
        ignore_unknown=True,
        broker_group="m",
        broker_receipt="r",
        stop_deletion=True,
    )
    assert decode_signature(encode_signature(signature)) == signature


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "without a body"),
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b"\xff\xfe", "not JSON"),
        ('{"UUID":"t","Name":"add"}'.encode("utf-16"), "not JSON"),
        (pickle.dumps({"task": "add"}), "pickled"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"UUID":"t","Name":7}', "Name is int"),
        (b'{"UUID":"t"}', "without the name"),
        (b'{"Name":"add"}', "without a UUID"),
        (b'{"UUID":"t","Name":"add","ETA":"soon"}', "ETA"),
        (b'{"UUID":"t","Name":"add","Args":[1]}', "an argument is int"),
        (b'{"UUID":"t","Name":"add","RetryCount":1.5}', "RetryCount is float"),
        (b'{"UUID":"t","Name":"add","RetryCount":true}', "RetryCount is bool"),
        (b'{"UUID":"t","Name":"add","Priority":256}', "priority"),
        (b'{"UUID":"t","Name":"add","Args":[{"Value":NaN}]}', "NaN"),
        (b'{"UUID":"t","Name":"add","Args":[{"Value":1e999}]}', "out of range"),
        (b" " * (MESSAGE_BYTES_MAX + 1), "limit"),
    ],
)
def test_poison_is_named(body, reason):
    with pytest.raises(BadMessage, match=reason):
        decode_signature(body)


def test_signatures_in_a_circle_or_too_deep_are_refused():
    circle = call()
    circle.on_success = [circle]
    deep = composing.chain([call()] * (SIGNATURE_DEPTH_MAX + 2), fresh())[0]
    for one in (circle, deep):
        with pytest.raises(BadMessage, match="deeper"):
            check_signature(one)
        with pytest.raises(BadMessage, match="deeper"):
            encode_signature(one)
    body = b'{"UUID":"t","Name":"a","OnSuccess":[' * 300 + b"]}" * 300
    with pytest.raises(BadMessage, match="deep"):
        decode_signature(body)


def test_the_longest_chain_is_sent_and_read():
    first = composing.chain([call()] * SIGNATURE_DEPTH_MAX, fresh())[0]
    check_signature(first)
    assert decode_signature(encode_signature(first)) == first


@pytest.mark.parametrize(
    "wrong",
    [
        call(""),
        Signature("add", [Typed("map", {})]),
        call(on_success=[Signature("add", [Typed("int8", 200)])]),
        call(on_error=[Signature("")]),
        call(chord_callback=Signature("add", [Typed("uint", -1)])),
        call(priority=256),
        call(retry_count=-1),
        call(stop_deletion=True),
    ],
)
def test_what_would_stop_a_go_worker_is_not_sent(wrong):
    with pytest.raises((BadMessage, WrongValue)):
        check_signature(wrong)


def test_a_chain_is_nested_and_a_chord_is_carried_by_every_member():
    links = composing.chain([call("a"), call("b"), call("c")], fresh())
    assert [one.uuid for one in links] == ["task_id1", "task_id2", "task_id3"]
    assert links[0].on_success[0].on_success[0].name == "c"
    made = composing.chord([call("a"), call("a")], call("sum"), fresh())
    assert made.uuid == "group_id1"
    assert {one.chord_callback.uuid for one in made.members} == {"chord_id4"}
    assert {(one.group_uuid, one.group_size) for one in made.members} == {("group_id1", 2)}


@pytest.mark.parametrize("make", [composing.chain, composing.group])
def test_a_workflow_of_nothing_is_refused(make):
    with pytest.raises(BadMessage, match="no tasks"):
        make([], fresh())


def test_members_of_a_group_with_one_id_are_refused():
    with pytest.raises(BadMessage, match="same id"):
        composing.group([call(uuid="t"), call(uuid="t")], fresh())


def test_results_are_appended_and_errors_come_first():
    following = call("next", 1)
    done = call(on_success=[following], on_error=[following])
    assert [a.wire for a in composing.after_success(done, [typed(2), typed(3)])[0].args] == [
        1,
        2,
        3,
    ]
    assert [a.wire for a in composing.after_failure(done, "no")[0].args] == ["no", 1]
    done.immutable = True
    assert [a.wire for a in composing.after_success(done, [typed(2)])[0].args] == [1]
    assert len(following.args) == 1
    callback = composing.after_group(following, [[typed(5)], [], [typed(6), typed(7)]])
    assert [a.wire for a in callback.args] == [1, 5, 6, 7]


def test_retries_wait_as_fibonacci():
    signature, waits = call(retry_count=6), []
    for _ in range(6):
        signature = composing.again(signature, 0)
        waits.append(signature.retry_timeout_s)
        assert signature.eta_ns == signature.retry_timeout_s * 10**9
    assert waits == [1, 2, 3, 5, 8, 13]
    assert signature.retry_count == 0


def test_states_and_groups_come_back_and_bad_ones_are_refused():
    done = TaskState("t", "add", State.SUCCESS, [typed(3)], "", 1795489445000000001)
    assert decode_state(encode_state(done)) == done
    assert json.loads(encode_state(TaskState("t")))["Results"] is None
    group = GroupRecord("g", ["a", "b"], True)
    assert decode_group(encode_group(group)) == group
    for body in (b'{"State":"LOST"}', b'{"State":"SUCCESS","CreatedAt":"x"}'):
        with pytest.raises(BadMessage):
            decode_state(body)
    with pytest.raises(BadMessage):
        decode_group(b'{"TaskUUIDs":[1]}')

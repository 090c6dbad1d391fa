"""A node in this process: a lane that fails is taken up anew, a namespace reaches the owner."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvloop
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from poly_process import WORKFLOW, start_request
from polyrhythm.app import node as node_module
from polyrhythm.app.compose import Place, own
from polyrhythm.app.node import UNIX, Node, NodeSettings
from polyrhythm.base.errors import InvalidArgument, NamespaceNotFound, Unavailable
from polyrhythm.links.grpc import GrpcLink
from polyrhythm.transports.grpc import AddressTaken

START = WORKFLOW + "StartWorkflowExecution"


def run(main):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def settings_for(folder, **fields) -> NodeSettings:
    file = str(folder / "poly.db")
    return NodeSettings("127.0.0.1:0", Place(file, "full", f"{UNIX}{file}.sock"), **fields)


async def said(node: Node, words: str) -> None:
    """Wait until a node has said something; the test's timeout bounds it."""
    while words not in await node.news.get():
        continue


@asynccontextmanager
async def running(settings: NodeSettings, words: str):
    node = Node(settings)
    task = asyncio.ensure_future(node.run())
    await said(node, words)
    link = GrpcLink(settings.address)
    try:
        yield link, node
    finally:
        await link.close()
        node.stop()
        await task


def test_a_lane_that_fails_is_taken_up_anew(tmp_path, monkeypatch, caplog):
    owned_ones = []

    def own_and_note(*arguments):
        owned_ones.append(own(*arguments))
        return owned_ones[-1]

    monkeypatch.setattr(node_module, "own", own_and_note)

    def fail(*arguments):
        raise RuntimeError("a fault of our own")

    async def main():
        async with running(settings_for(tmp_path), "serving") as (link, node):
            before = await link.call(START, start_request("before"), 5)
            monkeypatch.setattr(owned_ones[0].host._lane, "decide", fail)
            with pytest.raises(Unavailable):
                await link.call(START, start_request("lost"), 5)
            await said(node, "took over")
            # The same request again: what was answered before was written.
            again = await link.call(START, start_request("before"), 5)
            assert again.run_id == before.run_id

    run(main)
    assert [owned.owner.epoch for owned in owned_ones] == [1, 2]
    assert "a fault of our own" in caplog.text


def test_namespaces_of_an_attached_process_are_registered_at_the_owner(tmp_path):
    describe = WORKFLOW + "DescribeNamespace"

    async def main():
        async with running(settings_for(tmp_path), "serving") as (owner, _):
            with pytest.raises(NamespaceNotFound):
                await owner.call(describe, DescribeNamespaceRequest(namespace="shop"), 5)
            second = settings_for(tmp_path, namespaces=["shop"])
            async with running(second, "attached") as (link, _):
                for one in (owner, link):
                    found = await one.call(describe, DescribeNamespaceRequest(namespace="shop"), 5)
                    assert found.namespace_info.name == "shop"

    run(main)


def test_a_namespace_that_cannot_be_ends_the_start(tmp_path):
    async def main():
        settings = settings_for(tmp_path, namespaces=["x" * 2000])
        with pytest.raises(InvalidArgument):
            await Node(settings).run()
        # The file was let go.
        again = own(settings.place, settings.limits)
        await again.finish()
        again.close()

    run(main)


def test_a_taken_address_ends_the_start(tmp_path):
    async def main():
        first = settings_for(tmp_path)
        async with running(first, "serving"):
            (tmp_path / "other").mkdir()
            second = settings_for(tmp_path / "other")
            second.address = first.address
            with pytest.raises(AddressTaken):
                await Node(second).run()

    run(main)

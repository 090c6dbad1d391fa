"""Event streams: what they say, going on after a loss, ends, limits, beats."""

import asyncio
import json
from contextlib import asynccontextmanager

from polyrhythm.access.identity import anonymous
from polyrhythm.base.errors import Unavailable
from polyrhythm.transports.http import HttpSettings
from polyrhythm.transports.wire import Absent
from transports.http_wire import DEFAULT, http, refusal
from transports.wire import run

OWN = "/api/poly/v1/namespaces/default"
FAST = HttpSettings(changes_s=0.005)
WAIT_S = 20


class Reader:
    """The messages of a stream, as they come."""

    def __init__(self, lines):
        self._lines = lines

    async def next(self):
        """The next message: its id, its kind and its data; None at the end."""
        fields = {}
        while True:
            try:
                line = await asyncio.wait_for(anext(self._lines), WAIT_S)
            except StopAsyncIteration:
                return None
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])
            else:
                fields = {}

    async def take(self, count):
        return [await self.next() for _ in range(count)]


@asynccontextmanager
async def stream(there, path, **headers):
    async with there.client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"] == "text/event-stream"
        yield Reader(answer.aiter_lines())


def test_events_of_a_run_come_as_they_are_written():
    async def main():
        async with http() as there:
            await there.start("w")
            async with stream(there, f"{OWN}/workflows/w/events") as reader:
                first, second = await reader.take(2)
                assert first[:2] == (1, "event")
                assert first[2]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"
                assert second[0] == 2
                await there.post(f"{DEFAULT}/workflows/w/signal/go", {"input": [7]})
                third = await reader.next()
                assert third[0] == 3
                assert third[2]["workflowExecutionSignaledEventAttributes"]["input"] == [7]
                await there.post(f"{DEFAULT}/workflows/w/terminate")
                assert (await reader.next())[0] == 4
                assert await reader.next() == (4, "end", {})
                assert await reader.next() is None

    run(main())


def test_a_lost_stream_of_events_goes_on_after_its_last():
    async def main():
        async with http() as there:
            run_id = await there.start("w")
            path = f"{OWN}/workflows/w/events?runId={run_id}&position=1"
            async with stream(there, path) as reader:
                assert (await reader.next())[0] == 2
            # A browser says it again in a header, and asks for the same path.
            async with stream(there, path, **{"last-event-id": "2"}) as reader:
                await there.post(f"{DEFAULT}/workflows/w/terminate")
                assert [one[0] for one in await reader.take(2)] == [3, 3]
            async with stream(there, path) as reader:
                assert [one[0] for one in await reader.take(2)] == [2, 3]
            over = await there.get(path, **{"last-event-id": "3"})
            assert (over.status_code, over.content) == (204, b"")

    run(main())


def test_a_closed_run_is_streamed_to_its_end_at_once():
    async def main():
        async with http() as there:
            await there.start("w")
            for number in range(700):
                await there.post(f"{DEFAULT}/workflows/w/signal/go", {"input": [number]})
            await there.post(f"{DEFAULT}/workflows/w/terminate")
            async with stream(there, f"{OWN}/workflows/w/events") as reader:
                found = await reader.take(704)
            assert [one[0] for one in found] == [*range(1, 704), 703]
            assert found[-1][1] == "end"

    run(main())


def test_what_cannot_be_streamed_is_refused_before_it_begins():
    async def main():
        async with http() as there:
            path = f"{OWN}/workflows/none/events"
            assert refusal(await there.get(path))[:2] == (404, 5)
            for position in ("x", "-1", "9" * 19, "²"):
                answer = await there.get(f"{OWN}/changes?position={position}")
                assert refusal(answer)[:2] == (400, 3)
            nowhere = await there.get("/api/poly/v1/namespaces/nowhere/changes")
            assert refusal(nowhere)[:2] == (404, 5)
            there.switch.target = Absent("the owner is changing")
            assert refusal(await there.get(f"{OWN}/changes"))[:2] == (503, 14)

    run(main())


def test_changes_of_a_namespace_are_told_to_all_who_listen():
    async def main():
        async with http(settings=FAST) as there:
            await there.start("before")
            async with (
                stream(there, f"{OWN}/changes") as one,
                stream(there, f"{OWN}/changes") as other,
            ):
                run_id = await there.start("w")
                for reader in (one, other):
                    position, kind, change = await reader.next()
                    assert kind == "change"
                    assert change.pop("committedTime").endswith("Z")
                    assert change == {
                        "workflowId": "w",
                        "runId": run_id,
                        "workflowType": "T",
                        "status": "WORKFLOW_EXECUTION_STATUS_RUNNING",
                        "lastEventId": "2",
                    }
                await there.post(f"{DEFAULT}/workflows/w/terminate")
                last, _, change = await one.next()
                assert last > position
                assert change["status"] == "WORKFLOW_EXECUTION_STATUS_TERMINATED"

    run(main())


def test_a_lost_stream_of_changes_misses_nothing():
    async def main():
        async with http(settings=FAST) as there:
            async with stream(there, f"{OWN}/changes") as ahead:
                await there.start("w1")
                first = (await ahead.next())[0]
                await there.start("w2")
                await there.start("w3")
                seen = set()
                while len(seen) < 2:
                    seen.add((await ahead.next())[2]["workflowId"])
                # While others are further: what is missing comes first, and nothing twice.
                async with stream(there, f"{OWN}/changes?position={first}") as behind:
                    await there.start("w4")
                    found = [one[2]["workflowId"] for one in await behind.take(3)]
                    assert found == ["w2", "w3", "w4"]
            async with stream(there, f"{OWN}/changes", **{"last-event-id": str(first)}) as alone:
                found = [one[2]["workflowId"] for one in await alone.take(3)]
                assert found == ["w2", "w3", "w4"]
            # A position of another file: what comes from now on.
            async with stream(there, f"{OWN}/changes?position=999999") as strange:
                await there.start("w5")
                assert (await strange.next())[2]["workflowId"] == "w5"

    run(main())


def test_namespaces_are_kept_apart():
    async def main():
        async with http(settings=FAST) as there:
            body = {"namespace": "other", "workflowExecutionRetentionPeriod": "86400s"}
            assert (await there.post("/api/v1/namespaces", body)).status_code == 200
            async with stream(there, "/api/poly/v1/namespaces/other/changes") as reader:
                await there.start("of-default")
                path = "/api/v1/namespaces/other/workflows/of-other"
                tree = {"workflowType": {"name": "T"}, "taskQueue": {"name": "q"}}
                await there.post(path, tree)
                assert (await reader.next())[2]["workflowId"] == "of-other"

    run(main())


def test_streams_are_limited_and_their_places_given_back():
    async def main():
        async with http(settings=HttpSettings(streams_max=1, changes_s=0.005)) as there:
            await there.start("w")
            async with stream(there, f"{OWN}/changes"):
                for path in (f"{OWN}/changes", f"{OWN}/workflows/w/events"):
                    assert refusal(await there.get(path)) == (429, 8, "too many event streams")
            for _ in range(200):
                answer = await there.client.send(
                    there.client.build_request("GET", f"{OWN}/workflows/w/events"), stream=True
                )
                await answer.aclose()
                if answer.status_code == 200:
                    break
            else:
                raise AssertionError("the place was not given back")

    run(main())


def test_a_silent_stream_beats():
    async def main():
        async with http(settings=HttpSettings(stream_beat_s=0.01)) as there:
            await there.start("w")
            for path in (f"{OWN}/changes", f"{OWN}/workflows/w/events?position=2"):
                async with there.client.stream("GET", path) as answer:
                    lines = answer.aiter_lines()
                    async with asyncio.timeout(WAIT_S):
                        while await anext(lines) != ": still here":
                            pass

    run(main())


def test_streams_end_with_their_server_and_with_the_owner_of_the_file():
    async def main():
        async with http(settings=FAST) as there:
            await there.start("w")
            async with (
                stream(there, f"{OWN}/changes") as changes,
                stream(there, f"{OWN}/workflows/w/events?position=2") as events,
            ):
                there.switch.target = Absent("the owner is changing")
                assert await changes.next() is None
                stopping = asyncio.ensure_future(there.server.stop(WAIT_S))
                assert await events.next() is None
                await asyncio.wait_for(stopping, WAIT_S)

    run(main())


def test_streams_ask_who_listens():
    class Guarded:
        def admit(self, fields, peer):
            if fields.get(b"authorization") != b"Bearer k":
                raise Unavailable("no key")
            return anonymous()

    async def main():
        async with http(door=Guarded()) as there:
            for path in (f"{OWN}/changes", f"{OWN}/workflows/w/events"):
                assert refusal(await there.get(path))[2] == "no key"
            async with stream(there, f"{OWN}/changes", authorization="Bearer k"):
                pass

    run(main())

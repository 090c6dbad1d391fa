"""Durable workflows inside a FastAPI service: requests start runs and ask them.

    pip install fastapi uvicorn
    uvicorn --app-dir examples/native web:api

    curl -X POST localhost:8000/orders/7 -H 'content-type: application/json' -d '{"lines": ["tea"]}'
    curl localhost:8000/orders/7
    curl -X POST localhost:8000/orders/7/payment

The application lives on the service's own event loop, from start to shutdown. An order that waits
for its payment is there after a restart; several processes of uvicorn may share the file.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, HTTPException

from polyrhythm import AlreadyStarted, App, NotFound, Query, Signal, wf

app = App("web-orders")


@dataclass
class Order:
    lines: list[str]


PAID = Signal("paid")
STATUS = Query("status", str)


@app.task
async def pack(order: Order) -> str:
    return f"a parcel with {', '.join(order.lines)}"


@app.workflow
async def handle(order: Order) -> str:
    status = "waiting for the payment"
    STATUS.handler(lambda: status)
    if not await wf.wait_for(PAID.pending, timeout="14d"):
        status = "forgotten"
        return status
    status = await pack(order)
    return status


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with app:
        yield


api = FastAPI(title="Orders", lifespan=lifespan)


@api.post("/orders/{number}", status_code=201)
async def take(number: int, order: Order) -> dict[str, Any]:
    try:
        run = await handle.options(id=f"order-{number}").aio.start(order)
    except AlreadyStarted as error:
        raise HTTPException(409, f"order {number} is there already") from error
    return {"order": run.workflow_id}


@api.get("/orders/{number}")
async def look(number: int) -> dict[str, Any]:
    try:
        return {"status": await app.aio.run(f"order-{number}").query(STATUS)}
    except NotFound as error:
        raise HTTPException(404, f"there is no order {number}") from error


@api.post("/orders/{number}/payment", status_code=202)
async def pay(number: int) -> None:
    try:
        await app.aio.run(f"order-{number}").send(PAID)
    except NotFound as error:
        raise HTTPException(404, f"order {number} does not wait for a payment") from error

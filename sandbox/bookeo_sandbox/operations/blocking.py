"""The operations that keep something from being booked: holds for a checkout, blocks of seats and of resources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from bookeo_sandbox.invention.schedule import event_id
from bookeo_sandbox.operations import bodies
from bookeo_sandbox.operations.writing import drafted, find_event
from bookeo_sandbox.protocol.calls import Answer, Call
from bookeo_sandbox.protocol.errors import ApiError, bad_request
from bookeo_sandbox.protocol.pages import Pager
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import Block, Hold
from bookeo_sandbox.records.times import format_time, whole_minute
from bookeo_sandbox.shown.render import price_dict

HOLD_SECONDS = 20 * 60


class Blocking:
    """The operations under `/holds`, `/seatblocks` and `/resourceblocks`.

    Args:
        pager: Cuts lists into pages.
    """

    def __init__(self, pager: Pager) -> None:
        self._pager = pager

    def create_hold(self, call: Call) -> Answer:
        """`POST /holds`: a booking checked and priced, its seats kept for a while."""
        call.require("bookings_r_all")
        body, account = call.object(), call.account
        account.holds.pop(call.query.get("previousHoldId", ""), None)
        booking = drafted(call, body, number="")
        hold = Hold(account.next_id("hold"), booking, whole_minute(call.now), whole_minute(call.now + HOLD_SECONDS))
        account.holds[hold.id] = hold
        account.version += 1
        return Answer.of(_hold_dict(account, hold), 201, Location=f"/v2/holds/{hold.id}")

    def hold(self, call: Call) -> Answer:
        """`GET /holds/{id}`."""
        call.require("bookings_r_all")
        return Answer.of(_hold_dict(call.account, _hold(call)))

    def delete_hold(self, call: Call) -> Answer:
        """`DELETE /holds/{id}`."""
        call.require("bookings_r_all")
        del call.account.holds[_hold(call).id]
        call.account.version += 1
        return Answer(204)

    def seat_blocks(self, call: Call) -> Answer:
        """`GET /seatblocks`."""
        return self._list(call, lambda block: block.product is not None)

    def resource_blocks(self, call: Call) -> Answer:
        """`GET /resourceblocks`."""
        return self._list(call, lambda block: block.product is None)

    def create_seat_block(self, call: Call) -> Answer:
        """`POST /seatblocks`."""
        call.require("blocks_r_all")
        body, account = call.object(), call.account
        product = account.products.get(str(body.get("productId")))
        if product is None:
            raise bad_request("productId is required and must be known")
        event = find_event(call, body, product)
        return _created(
            call,
            Block(
                account.next_id("block"),
                event,
                event + 60 * product.minutes,
                whole_minute(call.now),
                "API",
                product=product,
                event=event,
                seats=_seats(body),
                reason=bodies.text(body, "reason"),
            ),
        )

    def create_resource_block(self, call: Call) -> Answer:
        """`POST /resourceblocks`."""
        call.require("blocks_r_all")
        body, account = call.object(), call.account
        start, end = bodies.moment(call, body, "startTime"), bodies.moment(call, body, "endTime")
        if start is None or end is None or end <= start:
            raise bad_request("startTime and endTime are required, in this order")
        known = {r.id: r for kind in account.profile.resource_types for r in kind.resources}
        wanted = [str(row.get("id")) for row in bodies.objects(body, "resources")]
        if not wanted or not known.keys() >= set(wanted):
            raise bad_request("resources needs ids of resources")
        block = Block(account.next_id("block"), start, end, whole_minute(call.now), "API")
        block.resources, block.reason = tuple(known[one] for one in wanted), bodies.text(body, "reason")
        return _created(call, block)

    def block(self, call: Call) -> Answer:
        """`GET /seatblocks/{id}`, `GET /resourceblocks/{id}`."""
        call.require("blocks_r_all")
        return Answer.of(_block_dict(call.account, _block(call)))

    def update_block(self, call: Call) -> Answer:
        """`PUT /seatblocks/{id}`, `PUT /resourceblocks/{id}`: reason, and seats."""
        call.require("blocks_r_all")
        block, body = _block(call), call.object()
        if "numSeats" in body and block.product is not None:
            block.seats = _seats(body)
        block.reason = bodies.text(body, "reason") if "reason" in body else block.reason
        block.changed = whole_minute(call.now)
        call.account.version += 1
        return Answer.of(_block_dict(call.account, block))

    def delete_block(self, call: Call) -> Answer:
        """`DELETE /seatblocks/{id}`, `DELETE /resourceblocks/{id}`."""
        call.require("blocks_r_all")
        del call.account.blocks[_block(call).id]
        call.account.version += 1
        return Answer(204)

    def _list(self, call: Call, is_kind: Callable[[Block], bool]) -> Answer:
        call.require("blocks_r_all")

        def find(asked: Call) -> list[Block]:
            found = [block for block in asked.account.blocks.values() if is_kind(block)]
            starts = asked.span("startTime", "endTime")
            updates = asked.span("lastUpdatedStartTime", "lastUpdatedEndTime")
            if starts is None and updates is None:
                raise bad_request("startTime and endTime, or lastUpdatedStartTime and lastUpdatedEndTime, are required")
            product = bodies.product(asked) if "productId" in asked.query else None
            return [
                block
                for block in found
                if (starts is None or starts.holds(block.start))
                and (updates is None or updates.holds_truly(block.updated, block.id))
                and (product is None or block.product is product)
            ]

        def show(asked: Call, blocks: Sequence[Any]) -> list[bytes]:
            return [orjson.dumps(_block_dict(asked.account, block)) for block in blocks]

        return self._pager.answer(call, find, show)


def _seats(body: dict[str, Any]) -> int:
    seats = body.get("numSeats")
    if type(seats) is not int or seats < 1:
        raise bad_request("numSeats must be a number from 1 on")
    return seats


def _created(call: Call, block: Block) -> Answer:
    call.account.blocks[block.id] = block
    call.account.version += 1
    path = call.operation.split()[1]
    return Answer.of(_block_dict(call.account, block), 201, Location=f"/v2{path}/{block.id}")


def _hold(call: Call) -> Hold:
    hold = call.account.holds.get(call.path["id"])
    if hold is None or hold.expires <= call.now:
        raise ApiError(404, "No hold with this id")
    return hold


def _block(call: Call) -> Block:
    block = call.account.blocks.get(call.path["id"])
    if block is None or (block.product is None) != ("/resourceblocks" in call.operation):
        raise ApiError(404, "No block with this id")
    return block


def _hold_dict(account: Account, hold: Hold) -> dict[str, Any]:
    price = price_dict(account, hold.booking)
    return {
        "id": hold.id,
        "price": price,
        "totalPayable": price["totalGross"],
        "expiration": format_time(hold.expires, account.profile.zone),
    }


def _block_dict(account: Account, block: Block) -> dict[str, Any]:
    zone = account.profile.zone
    shown: dict[str, Any] = {"id": block.id}
    if block.product is not None:
        shown["eventId"] = event_id(block.product, block.event, zone)
        shown |= {"productId": block.product.id, "numSeats": block.seats}
    else:
        shown["endTime"] = format_time(block.end, zone)
        shown["resources"] = [{"id": resource.id, "name": resource.name} for resource in block.resources]
    shown |= {"startTime": format_time(block.start, zone), "creationTime": format_time(block.created, zone)}
    shown["creationAgent"] = block.agent
    if block.reason is not None:
        shown["reason"] = block.reason
    if block.changed:
        shown |= {"lastChangeTime": format_time(block.changed, zone), "lastChangeAgent": "API"}
    return shown

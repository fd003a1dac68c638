"""When products take place: slots of tours, classes of courses, free times of appointments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from bookeo_sandbox.records.entities import Product
from bookeo_sandbox.records.ids import stable_id
from bookeo_sandbox.records.times import wall_seconds


def event_id(product: Product, start: int, zone: ZoneInfo) -> str:
    """Names a slot.

    Args:
        product: The product.
        start: Start of the slot in Unix seconds; of a course, of its first class.
        zone: The account's zone.

    Returns:
        The `eventId`: the product, the line of its schedule and the day, joined by `_`. Source: real answers.
    """
    wall = datetime.fromtimestamp(start, zone)
    return f"{product.id}_{_schedule_id(product.id, 60 * wall.hour + wall.minute)}_{wall.date().isoformat()}"


@lru_cache(maxsize=10_000)
def _schedule_id(product_id: str, minute: int) -> str:
    return stable_id(product_id, "schedule", minute, length=19)


def event_start(product: Product, event: str, zone: ZoneInfo) -> int:
    """Finds the start of a slot by its name.

    Args:
        product: The product.
        event: The `eventId`.
        zone: The account's zone.

    Returns:
        Unix seconds.

    Raises:
        ValueError: The product has no such slot.
    """
    day = date.fromisoformat(event.rpartition("_")[2])
    begin = _at(day, 0, zone)
    for start in events_between(product, begin, begin + 86_400, zone):
        if event_id(product, start, zone) == event:
            return start
    raise ValueError("no such slot")


def classes_of(product: Product, course_start: int, zone: ZoneInfo) -> list[int]:
    """Lists the classes of a course, a week apart on the wall clock.

    Args:
        product: A product of type fixedCourse.
        course_start: Start of its first class in Unix seconds.
        zone: The account's zone.

    Returns:
        Starts in Unix seconds.
    """
    return [weeks_later(course_start, week, zone) for week in range(product.classes)]


def weeks_later(start: int, weeks: int, zone: ZoneInfo) -> int:
    """Moves a time by weeks, keeping what the wall clock shows.

    Args:
        start: Unix seconds.
        weeks: How many weeks.
        zone: The account's zone.

    Returns:
        Unix seconds.
    """
    return wall_seconds(datetime.fromtimestamp(start, zone) + timedelta(weeks=weeks), zone)


def next_event(product: Product, earliest: int, zone: ZoneInfo, rng: Random) -> int:
    """Picks a slot on the first suitable day.

    Args:
        product: The product.
        earliest: Not before this, in Unix seconds.
        zone: The account's zone.
        rng: Picks the time of the day.

    Returns:
        Start in Unix seconds.
    """
    day = datetime.fromtimestamp(earliest, zone).date()
    while True:
        if _takes_place(product, day):
            minute = product.starts[int(rng.random() * len(product.starts))]
            start = _at(day, minute, zone)
            if start >= earliest:
                return start
        day += timedelta(days=1)


def events_between(product: Product, begin: int, end: int, zone: ZoneInfo) -> Iterator[int]:
    """Lists the slots of a range.

    Args:
        product: The product.
        begin: First second.
        end: Last second.
        zone: The account's zone.

    Yields:
        Starts in Unix seconds, in order.
    """
    day = datetime.fromtimestamp(begin, zone).date()
    last = datetime.fromtimestamp(end, zone).date()
    while day <= last:
        if _takes_place(product, day):
            for minute in product.starts:
                start = _at(day, minute, zone)
                if begin <= start <= end:
                    yield start
        day += timedelta(days=1)


def _takes_place(product: Product, day: date) -> bool:
    # A course begins once a month, on the first of its weekdays.
    return day.weekday() in product.weekdays and (product.type != "fixedCourse" or day.day <= 7)


def _at(day: date, minute: int, zone: ZoneInfo) -> int:
    return wall_seconds(datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone), zone)

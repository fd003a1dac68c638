"""Where the next load of bookings begins: the cursor that all tables of the bookings share, and who may move it.

The cursor is dlt's incremental on `updated_at`. Beside it the state of the resource keeps, per pipeline:
`account_id` whose cursor it is, `fed` the tables that have followed it, `loaded_from` the first moment ever loaded,
`unfinished` where a first load began that has not come to its end, and `backfill` how far a re-reading of an earlier
range has come.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bookeo.errors import SettingsError, TablesAdded
from bookeo.windows import floor_second, format_time, parse_time, start_with_overlap

State = MutableMapping[str, Any]


@dataclass(frozen=True)
class Range:
    """What a load of bookings covers.

    Args:
        since: First moment, aware.
        until: Last moment, aware.
        moves_cursor: Whether each window that lands moves the cursor.
        backfill: Whether this is a re-reading of a range, kept apart from the cursor.
    """

    since: datetime
    until: datetime
    moves_cursor: bool
    backfill: bool = False


def next_range(
    state: State,
    *,
    account_id: str,
    tables: Iterable[str],
    kept_up: Iterable[str] = (),
    cursor: datetime | None,
    start: datetime,
    now: datetime,
    since: datetime | None,
    until: datetime | None,
    overlap_seconds: int,
) -> Range:
    """Decides what a load covers, and notes in the state what it must.

    A load without `since` goes on from the cursor. A first load begins at `since` or `start`. A later load with `since`
    reads that range again and leaves the cursor where it is (it may only jump ahead where no gap would open and no
    table would miss out). Either, interrupted, goes on where it stopped when it is called again in the same way.

    Args:
        state: The state of the bookings' hidden parent resource.
        account_id: The account that the keys open.
        tables: The tables that this load feeds from the bookings.
        kept_up: Tables that another way than the bookings has kept up to date so far.
        cursor: The cursor, aware; None before the first load.
        start: Where a first load begins by default, aware.
        now: The server's time, aware.
        since: First moment asked for by the user, aware.
        until: Last moment asked for by the user, aware.
        overlap_seconds: How far before the cursor to begin, seconds.

    Returns:
        The range.

    Raises:
        SettingsError: The range is the wrong way round, or the state belongs to another account.
        TablesAdded: A table is among `tables` that the cursor has passed by.
    """
    known_account = state.get("account_id")
    if known_account not in (None, account_id):
        raise SettingsError(
            f"These keys open the account {account_id}, but this pipeline has loaded the account {known_account}; "
            "name the accounts in [[sources.bookeo.accounts]] and load with --account, or use another pipeline name."
        )
    end = min(until, now) if until is not None else now
    wanted = set(tables)
    first_load = known_account is None or cursor is None
    begin = since or (start if first_load else None)
    if begin is not None and begin > end:
        raise SettingsError(
            f"The load would begin at {format_time(begin)}, after its end at {format_time(end)}; "
            f"give an earlier {'--since' if since else 'start'} or a later --until."
        )
    if first_load:
        state["account_id"] = account_id
        state["fed"] = sorted(wanted)
        state["loaded_from"] = state["unfinished"] = format_time(since or start)
        return Range(since or start, end, moves_cursor=True)
    assert cursor is not None
    resumed = since is not None and state.get("unfinished") == format_time(since) and wanted <= set(state["fed"])
    if since is not None and not resumed:
        return _backfill(state, wanted, since, until, end)
    added = wanted - set(state["fed"]) - set(kept_up)
    if added:
        names = ",".join(sorted(added))
        raise TablesAdded(
            f"The last load passed by {format_time(cursor)} without the tables {names}; fill them first with "
            f"bookeo load --tables {names} --since {state['loaded_from'][:10]}, or rewind all with bookeo reset."
        )
    state["fed"] = sorted(wanted)
    state.pop("backfill", None)
    begin = start_with_overlap(cursor, overlap_seconds, parse_time(state["loaded_from"]))
    return Range(min(begin, end), end, moves_cursor=True)


def _backfill(state: State, tables: set[str], since: datetime, until: datetime | None, end: datetime) -> Range:
    call = {
        "since": format_time(since),
        "until": format_time(until) if until else None,
        "tables": sorted(tables),
    }
    done = state.get("backfill") or {}
    if {name: done.get(name) for name in call} == call and parse_time(done["position"]) <= end:
        return Range(parse_time(done["position"]), end, moves_cursor=False, backfill=True)
    state["backfill"] = {**call, "position": format_time(since)}
    # What is written now may be newer than the versions that the digests of the last load stand for.
    state.pop("recent", None)
    return Range(since, end, moves_cursor=False, backfill=True)


def window_landed(state: State, covered: Range, window_end: datetime) -> None:
    """Notes how far a re-reading has come, or that a first load is done; the cursor itself is moved by the caller.

    Args:
        state: The state of the bookings' hidden parent resource.
        covered: What the load covers.
        window_end: The last second of the newest window handed out.
    """
    if covered.backfill:
        state["backfill"]["position"] = format_time(window_end + timedelta(seconds=1))
    elif window_end >= floor_second(covered.until):
        state.pop("unfinished", None)


def backfill_ended(state: State, cursor: datetime, end: datetime) -> datetime | None:
    """Closes a re-reading that came to its end.

    Args:
        state: The state of the bookings' hidden parent resource.
        cursor: The cursor.
        end: The last moment that was read.

    Returns:
        Where the cursor may jump to, or None: only where the range joined up with it and fed all its tables.
    """
    done = state.pop("backfill")
    since, tables, fed = parse_time(done["since"]), set(done["tables"]), set(state["fed"])
    has_all = tables >= fed
    if has_all and since < parse_time(state["loaded_from"]):
        state["loaded_from"] = format_time(since)
    if not since <= cursor <= end:
        return None
    # Joined up with the cursor, the tables may follow it from here on.
    state["fed"] = sorted(fed | tables)
    return end if has_all else None

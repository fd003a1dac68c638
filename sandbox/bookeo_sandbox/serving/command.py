"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from dataclasses import fields

from bookeo_sandbox.records.switches import Switches
from bookeo_sandbox.serving.server import run


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `python -m bookeo_sandbox`.

    Args:
        argv: Arguments; None: those of the process.

    Returns:
        Exit code: 0 after a signal, 2 for arguments that make no sense.
    """
    parser = argparse.ArgumentParser(
        prog="bookeo_sandbox",
        description="A local Bookeo over an invented business. Prints one line of JSON when it answers.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0: any that is free (default: %(default)s)")
    parser.add_argument("--bookings", type=int, default=5000, help="bookings of each account (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="source of all chance (default: %(default)s)")
    parser.add_argument(
        "--end", default="2026-06-30", help="day or time at which the clock stands (default: %(default)s)"
    )
    parser.add_argument("--years", type=float, default=3, help="length of the history (default: %(default)s)")
    parser.add_argument("--accounts", type=int, default=1, help="how many accounts (default: %(default)s)")
    parser.add_argument("--running", action="store_true", help="let the clock run instead of standing still")
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="a switch, see the README (may be repeated)"
    )
    arguments = vars(parser.parse_args(argv))
    defaults = {field.name: field.default for field in fields(Switches)}
    try:
        for switch in arguments.pop("switch"):
            name, _, value = switch.partition("=")
            number = int(value) if isinstance(defaults.get(name), int) and value.isdigit() else value
            arguments[name] = {"true": True, "false": False}.get(value, number)
        gc.freeze()
        run(**arguments)
    except (ValueError, TypeError, OSError) as error:
        sys.stderr.write(f"bookeo_sandbox: {error}\n")
        return 2
    return 0

"""A local Bookeo: the operations of its API over an invented business, with faults on demand."""

from bookeo_sandbox.account import PERMISSIONS, Switches
from bookeo_sandbox.business import Business
from bookeo_sandbox.command import main
from bookeo_sandbox.faults import KINDS, Fault
from bookeo_sandbox.sandbox import AccountInfo, Sandbox
from bookeo_sandbox.server import run, serve
from bookeo_sandbox.service import RequestInfo

__all__ = [
    "KINDS",
    "PERMISSIONS",
    "AccountInfo",
    "Business",
    "Fault",
    "RequestInfo",
    "Sandbox",
    "Switches",
    "main",
    "run",
    "serve",
]

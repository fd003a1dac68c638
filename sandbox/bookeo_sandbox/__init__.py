"""A local Bookeo: the operations of its API over an invented business, with faults on demand."""

from bookeo_sandbox.business import Business
from bookeo_sandbox.records.permissions import PERMISSIONS
from bookeo_sandbox.records.switches import Switches
from bookeo_sandbox.serving.command import main
from bookeo_sandbox.serving.faults import KINDS, Fault
from bookeo_sandbox.serving.sandbox import AccountInfo, Sandbox
from bookeo_sandbox.serving.server import run, serve
from bookeo_sandbox.serving.service import RequestInfo

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

"""Lets `python -m bookeo_sandbox` start the sandbox."""

from bookeo_sandbox.command import main

raise SystemExit(main())

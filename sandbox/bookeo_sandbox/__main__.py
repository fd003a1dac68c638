"""Lets `python -m bookeo_sandbox` start the sandbox."""

from bookeo_sandbox.serving.command import main

raise SystemExit(main())

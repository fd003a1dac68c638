"""The process that a command runs in: places it may trust, files, memory, and text made safe for its place."""

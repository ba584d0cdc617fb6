"""The worker's child: the process in which the author's code runs.

It is the standard library plus ``cog``, run by path with the author's interpreter
(``bootstrap.py``), and talks in frames (docs/reference/frames.md) over one socket.
"""

"""The command line: one file per command.

In: words, environment variables and files of the person at the terminal.
Out: results on standard output, everything else on standard error, an exit code.
Touches everything; no other room may import this one.
"""

import gc

__all__: list[str] = []

# Commands live for a moment, and most of that is imports: with Python's own threshold (700) a
# twentieth of it goes into looking for garbage that is not there.
gc.set_threshold(20_000, 10, 10)

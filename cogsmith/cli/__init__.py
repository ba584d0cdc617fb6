"""The command line: one file per command.

In: words, environment variables and files of the person at the terminal.
Out: results on standard output, everything else on standard error, an exit code.
Touches everything; no other room may import this one.
"""

__all__: list[str] = []

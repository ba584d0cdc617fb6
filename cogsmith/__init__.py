"""Cogsmith: package, run and serve large language models the Cog way.

The package is a house of rooms (docs/explanation/architecture.md): each folder holds one
noun of the field and has one door, its ``__init__``. Nothing is imported here, so that the
command line starts at once and a worker can import one room alone.
"""

__version__ = "0.3.0"

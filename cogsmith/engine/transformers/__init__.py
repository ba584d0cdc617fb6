"""The transformers back end: the only place that knows torch, and the room's edge.

`engine` and `service` are the two sides of the one thread, `runner` what they ask of a model.
Those import no torch, nor do `load`, `source` and `tokenizer`; `load` imports the rest, from
`model` on, at the moment when a checkpoint is loaded: `fit` finds out whether requests can share
forward passes, then `batch` (with `attention`, `pages`, `prefixes`) or `decode` answers them.
"""

from __future__ import annotations

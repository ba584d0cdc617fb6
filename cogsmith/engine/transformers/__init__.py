"""The transformers back end: the only place that knows torch, and the room's edge.

Only `model`, `decode` and `sampling` import torch, and `load` imports those, at the moment
when a checkpoint is loaded.
"""

from __future__ import annotations

from __future__ import annotations

Text = str
_hidden = 1

# ruff: noqa: B008, T201 - the author's code, in small
"""A model with every kind of input that there is; it answers with what it got."""

from __future__ import annotations

import json
from typing import Any

from cog import BasePredictor, ConcatenateIterator, Input, Path, Secret, streaming


class Predictor(BasePredictor):
    @streaming
    def predict(
        self,
        prompt: str = Input(description="What to <b>answer</b>."),
        picture: Path = Input(description="Any picture.", accept="image/*"),
        token: Secret = Input(description="Who is asking."),
        temperature: float = Input(default=0.7, ge=0, le=2, description="How wild."),
        count: int = Input(default=3, ge=1, le=10),
        seed: int | None = Input(default=None, ge=0, le=4294967295),
        style: str = Input(default="calm", choices=["calm", "bold", "plain"]),
        size: int = Input(default=512, choices=[256, 512, 1024]),
        polish: bool = Input(default=True, description="Smooth the edges."),
        title: str = Input(default="Untitled", min_length=2, max_length=12),
        code: str | None = Input(default=None, regex="^[a-z]+$"),
        stops: list[str] = Input(default=["END"]),
        extras: list[Path] | None = Input(default=None),
        messages: list[dict] | None = Input(default=None),
        options: dict | None = Input(default=None, description="Anything else."),
        guide: str | float = Input(default="none"),
        nickname: str | None = Input(default="smith"),
        old_style: str = Input(default="", deprecated=True),
    ) -> ConcatenateIterator[str]:
        given: dict[str, Any] = {**locals()}
        given.pop("self")
        given["picture"] = picture.read_bytes().hex()
        given["token"] = len(token.get_secret_value() or "")
        given["extras"] = [file.read_text() for file in extras or []]
        print("read", len(given), "inputs")
        yield from json.dumps(given, default=str).split(" ")

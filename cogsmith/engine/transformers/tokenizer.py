"""A checkpoint's tokenizer and chat template.

``tokenizer.json`` is read with the `tokenizers` package alone, which takes a twentieth of the
time that importing and building transformers' own tokenizer does; where there is no such file,
transformers makes one.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from cogsmith.engine.tokenizer import Message, TemplateRefusal
from cogsmith.engine.transformers.source import Checkpoint, read_json
from cogsmith.errors import CheckpointError

__all__ = ["JinjaTemplate", "load_tokenizer"]

_SPECIALS = ("bos_token", "eos_token", "unk_token", "pad_token", "image_token")


def load_tokenizer(checkpoint: Checkpoint) -> FastTokenizer:
    """The tokenizer that the checkpoint's folder holds."""
    folder = checkpoint.folder
    path = folder / "tokenizer.json"
    backend = _read(path) if path.is_file() else _convert(folder)
    settings = read_json(folder / "special_tokens_map.json")
    settings |= read_json(folder / "tokenizer_config.json")
    names = {name: _text(settings[name]) for name in _SPECIALS if settings.get(name)}
    source = _template_source(folder, settings)
    return FastTokenizer(
        backend,
        bos_id=_id(backend, names.get("bos_token")),
        eos_id=_id(backend, names.get("eos_token")),
        image_token=_image_token(backend, checkpoint, names),
        chat_template=JinjaTemplate(source, names) if source else None,
    )


class FastTokenizer:
    """A tokenizer of the `tokenizers` package."""

    def __init__(
        self,
        backend: Any,
        *,
        bos_id: int | None,
        eos_id: int | None,
        image_token: str | None,
        chat_template: JinjaTemplate | None,
    ) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._lock = threading.Lock()
        self._tokens: dict[int, tuple[str, bytes | None]] = {}
        self.bos_id = bos_id
        self.eos_id = eos_id
        self.image_token = image_token
        self.chat_template = chat_template

    @cached_property
    def special_tokens(self) -> frozenset[str]:
        """The texts of all control tokens."""
        added = self._backend.get_added_tokens_decoder().values()
        return frozenset(token.content for token in added if token.special)

    def encode(self, text: str, *, special: bool, controls: bool = True) -> list[int]:
        """Token ids; ``special`` adds the tokens that begin (and end) every text.

        Without ``controls``, the texts of control tokens are words like any others.
        """
        with self._lock:  # the distinction is the tokenizer's state, not the call's
            self._backend.encode_special_tokens = not controls
            return list(self._backend.encode(text, add_special_tokens=special).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text without control tokens; bytes that are no character become U+FFFD."""
        return str(self._backend.decode(list(ids), skip_special_tokens=True))

    def token(self, id_: int) -> tuple[str, bytes | None]:
        """One token's text and bytes; a control token has a name, and no bytes."""
        if id_ not in self._tokens:
            name = self._backend.id_to_token(id_)
            control = name is None or name in self.special_tokens
            encoded = None if control else _bytes(name, byte_level=self._is_byte_level)
            text = (name or "") if encoded is None else encoded.decode(errors="replace")
            self._tokens[id_] = (text, encoded)
        return self._tokens[id_]

    @cached_property
    def _is_byte_level(self) -> bool:
        return "ByteLevel" in repr(self._backend.decoder)


def _bytes(name: str, *, byte_level: bool) -> bytes:
    """What a token stands for, read from its name in the vocabulary."""
    if byte_level:
        table = _byte_level()
        return b"".join(table.get(letter) or letter.encode() for letter in name)
    if byte := re.fullmatch(r"<0x([0-9A-F]{2})>", name):
        return bytes.fromhex(byte[1])
    return name.replace("\u2581", " ").encode()


@cache
def _byte_level() -> dict[str, bytes]:
    """GPT-2's letters for bytes: a byte that prints is itself, the others follow U+0100."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    table = {chr(byte): bytes([byte]) for byte in shown}
    return table | {chr(256 + number): bytes([byte]) for number, byte in enumerate(hidden)}


class JinjaTemplate:
    """A chat template, rendered as transformers renders it: in Jinja's immutable sandbox."""

    def __init__(self, source: str, names: dict[str, str]) -> None:
        self.source = source
        self._names = names

    @cached_property
    def _compiled(self) -> Any:
        from jinja2 import TemplateError

        try:
            return _sandbox().from_string(self.source)
        except TemplateError as problem:
            raise TemplateRefusal(f"it is not valid Jinja: {problem}") from None

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as one text that ends where the answer begins."""
        from jinja2 import TemplateError

        given = {"messages": list(messages), "add_generation_prompt": True}
        try:
            return str(self._compiled.render(**self._names, tools=None, documents=None, **given))
        except (TemplateError, TypeError, LookupError, ValueError) as problem:
            raise TemplateRefusal(str(problem)) from None


def _sandbox() -> Any:
    """Jinja with the few names that chat templates expect; nothing that reaches outside."""
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _generation_tag()]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


def _generation_tag() -> type:
    """The ``{% generation %}`` block, which marks answers for training: rendered as it is."""
    from jinja2 import nodes
    from jinja2.ext import Extension

    def parse(_: object, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)

    return type("Generation", (Extension,), {"tags": {"generation"}, "parse": parse})


def _to_json(value: object, **options: Any) -> str:
    """JSON without Jinja's escapes for HTML."""
    return json.dumps(value, **{"ensure_ascii": False, **options})


def _raise(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _read(path: Path) -> Any:
    from tokenizers import Tokenizer as Backend

    with _RustFailures(path):
        return Backend.from_file(str(path))


class _RustFailures:
    """Translates what `tokenizers` raises: plain `Exception`, no subclass of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        if kind is Exception:
            raise CheckpointError(
                f"cannot be read: {problem}", where=str(self._path), hint="get the file again"
            ) from None


def _convert(folder: Path) -> Any:
    """A tokenizer that only transformers can build, as one with `tokenizers` inside."""
    sources = ("tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "tekken.json")
    if not any((folder / name).is_file() for name in sources):
        raise CheckpointError(
            "no tokenizer: no tokenizer.json, tokenizer.model or spiece.model",
            where=str(folder),
            hint="copy the tokenizer's files of the original model into this folder",
        )
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, TypeError) as problem:
        raise CheckpointError(
            f"the tokenizer cannot be loaded: {problem}",
            where=str(folder),
            hint="add a tokenizer.json (tokenizer.save_pretrained writes one)",
        ) from None
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise CheckpointError(
            f"{type(tokenizer).__name__} has no fast form",
            where=str(folder),
            hint="add a tokenizer.json (tokenizer.save_pretrained writes one)",
        )
    return backend


def _template_source(folder: Path, settings: dict[str, Any]) -> str | None:
    """The chat template: a file of its own first, then the tokenizer's settings."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    found = read_json(folder / "chat_template.json").get("chat_template")
    found = settings.get("chat_template") or found
    if isinstance(found, list):
        named = {one.get("name"): one.get("template") for one in found}
        found = named.get("default")
    return str(found) if found else None


def _image_token(backend: Any, checkpoint: Checkpoint, names: dict[str, str]) -> str | None:
    """The text of the token that stands for an image."""
    config = checkpoint.config
    index = config.get("image_token_index", config.get("image_token_id"))
    if index is None:
        return None
    return names.get("image_token") or backend.id_to_token(index)


def _text(token: str | dict[str, Any]) -> str:
    return token if isinstance(token, str) else str(token.get("content", ""))


def _id(backend: Any, token: str | None) -> int | None:
    return None if token is None else backend.token_to_id(token)

"""OpenAI's messages: checked, and written down for models that take a list or only a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cogsmith.runtime.openai.errors import ApiError, kind_of

__all__ = ["Conversation", "Image", "Turn", "parse"]

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
SPEAKERS = {"user": "User", "assistant": "Assistant"}
TOOLS = frozenset({"tool_calls", "function_call", "audio"})  # in a message: what we can't pass on
LINKS = ("http://", "https://", "data:image/")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a message: an http(s) or data URL."""

    url: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said: texts and pictures in their order. Developers count as system."""

    role: str
    parts: tuple[str | Image, ...]

    @property
    def text(self) -> str:
        """The words, the texts of several parts on lines of their own."""
        return "\n".join(part for part in self.parts if isinstance(part, str))

    def message(self) -> dict[str, object]:
        """The turn as chat templates read it; pictures only mark their places."""
        if all(isinstance(part, str) for part in self.parts):
            return {"role": self.role, "content": self.text}
        content = [
            {"type": "text", "text": part} if isinstance(part, str) else {"type": "image"}
            for part in self.parts
        ]
        return {"role": self.role, "content": content}


@dataclass(frozen=True, slots=True)
class Conversation:
    """All turns so far, in their order."""

    turns: tuple[Turn, ...]

    @property
    def images(self) -> tuple[str, ...]:
        """The URLs of all pictures."""
        parts = (part for turn in self.turns for part in turn.parts)
        return tuple(part.url for part in parts if isinstance(part, Image))

    @property
    def system(self) -> str:
        """All that the system and the developer said."""
        return "\n\n".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def question(self) -> str:
        """What the user said last; where they said nothing, what anybody did."""
        asked = [turn for turn in self.turns if turn.role == "user"] or self.turns
        return asked[-1].text

    def transcript(self) -> str:
        """The conversation without the system's words, as one prompt.

        A single question stands bare; of several turns each is named, and the assistant's next
        one begun.
        """
        spoken = [turn for turn in self.turns if turn.role != "system"]
        if [turn.role for turn in spoken] == ["user"]:
            return spoken[0].text
        said = [f"{SPEAKERS[turn.role]}: {turn.text}" for turn in spoken]
        return "\n\n".join([*said, "Assistant:"])

    def messages(self) -> list[dict[str, object]]:
        """The whole list, as chat templates read it."""
        return [turn.message() for turn in self.turns]


def parse(messages: object) -> Conversation:
    """The conversation that a request's ``messages`` are. Raises ApiError."""
    if messages is None:
        raise ApiError(
            "is required", where="messages", code="missing_required_parameter",
            hint='give a list such as [{"role": "user", "content": "Hello"}]',
        )  # fmt: skip
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "must be a list of at least one message")
    turns = tuple(_turn(one, f"messages[{i}]") for i, one in enumerate(messages))
    if all(turn.role == "system" for turn in turns):  # templates want somebody to answer
        turns = tuple(Turn("user", turn.parts) for turn in turns)
    return Conversation(turns)


def _turn(message: object, where: str) -> Turn:
    if not isinstance(message, dict):
        raise _wrong(where, f"must be an object, not {kind_of(message)}")
    if used := sorted(name for name in TOOLS if message.get(name)):
        raise _unsupported(f"{where}.{used[0]}")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise _wrong(f"{where}.role", f"must be one of: {', '.join(ROLES)}")
    content = message.get("content")
    if content is None:
        content = message.get("refusal")  # what an assistant said instead
    return Turn(ROLES[role], tuple(_parts(content, f"{where}.content")))


def _parts(content: object, where: str) -> Iterator[str | Image]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list) and content:
        for index, part in enumerate(content):
            yield _part(part, f"{where}[{index}]")
    else:
        raise _wrong(where, "must be a text, or a list of at least one part")


def _part(part: object, where: str) -> str | Image:
    if not isinstance(part, dict):
        raise _wrong(where, f"must be an object, not {kind_of(part)}")
    kind = part.get("type")
    if kind == "image_url":
        return _image(part.get("image_url"), f"{where}.image_url")
    if kind not in ("text", "refusal"):
        raise _unsupported(f"{where}.type")
    text = part.get(kind)
    if not isinstance(text, str):
        raise _wrong(f"{where}.{kind}", f"must be a text, not {kind_of(text)}")
    return text


def _image(image: object, where: str) -> Image:
    """Files of this machine (``file:``) are nobody's business: the two other schemes alone."""
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url.lower().startswith(LINKS):
        raise _wrong(f"{where}.url", "must be an http(s) URL, or a data URL of an image")
    return Image(url)


def _wrong(where: str, message: str) -> ApiError:
    return ApiError(message, where=where, code="invalid_value")


def _unsupported(where: str) -> ApiError:
    return ApiError(
        "is not supported", where=where, code="unsupported_value",
        hint="messages may hold texts and, where the model takes them, image_url parts",
    )  # fmt: skip

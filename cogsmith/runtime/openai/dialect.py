"""From OpenAI's requests to a model's own inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from cogsmith.runtime.openai.asked import Asked
from cogsmith.runtime.openai.body import Body
from cogsmith.runtime.openai.conversation import Conversation, parse
from cogsmith.runtime.openai.draft import Draft
from cogsmith.runtime.openai.errors import ApiError, kind_of
from cogsmith.runtime.openai.model import (
    image_input,
    is_language_model,
    takes_messages,
    takes_template,
)
from cogsmith.runtime.openai.parameters import (
    alternatives,
    known_limit,
    others,
    place_limit,
    seeds,
    stops,
    unsupported,
)
from cogsmith.signature import Signature

__all__ = ["Dialect"]

MOST_CHOICES = 128  # OpenAI's limit for n; here for all prompts of a request together
MOST_LOGPROBS = 20  # OpenAI's for chats; the model's own may be less
RAW = "{prompt}"  # the prompt_template that adds nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A language model as OpenAI's clients see it.

    ``model`` is the one name that it answers to, ``created`` when it was made or loaded, in
    whole seconds since 1970. ``most_choices`` is how many predictions one request may start.
    """

    signature: Signature
    model: str
    created: int
    most_choices: int = MOST_CHOICES

    @classmethod
    def of(cls, signature: Signature, *, model: str, created: int) -> Dialect | None:
        """The dialect of a model, or None for one that is no language model."""
        if not is_language_model(signature):
            return None
        return cls(signature=signature, model=model, created=created)

    def chat(self, body: object, *, id: str) -> Asked:  # noqa: A002 - what OpenAI calls it
        """What ``POST /v1/chat/completions`` asks for; ``body`` is parsed JSON.

        Raises ApiError for everything that is wrong with it.
        """
        request = self._request(body)
        draft = Draft(self.signature)
        _converse(draft, parse(request.take("messages")))
        logprobs = alternatives(draft, _top_logprobs(request), param="top_logprobs")
        place_limit(draft, request, ("max_completion_tokens", "max_tokens"))
        asked = Asked(id=f"chatcmpl-{id}", model=self.model, chat=True, logprobs=logprobs)
        asked = self._completed(asked, draft, request)
        inputs = draft.checked()
        choices = seeds(draft, asked.per_prompt)
        return replace(asked, inputs=tuple({**inputs, **seed} for seed in choices))

    def completion(self, body: object, *, id: str) -> Asked:  # noqa: A002
        """What ``POST /v1/completions`` asks for: the prompts as they stand, in no template.

        Raises ApiError for everything that is wrong with it.
        """
        request = self._request(body)
        draft = Draft(self.signature)
        prompts = _prompts(request.take("prompt"))
        draft.put("prompt", prompts[0], param="prompt")
        most = request.count("logprobs", least=0, most=MOST_LOGPROBS)
        logprobs = alternatives(draft, most, param="logprobs")
        echo, best_of = _echo(request, logprobs=logprobs), request.whole("best_of")
        place_limit(draft, request, ("max_tokens",))
        asked = Asked(id=f"cmpl-{id}", model=self.model, chat=False, logprobs=logprobs, echo=echo)
        asked = self._completed(asked, draft, request)
        if best_of not in (None, asked.per_prompt):
            raise unsupported("best_of")
        if len(prompts) * asked.per_prompt > self.most_choices:
            raise _too_many(f"n times the prompts must be at most {self.most_choices}", "prompt")
        if takes_template(self.signature) and "prompt_template" not in draft.inputs:
            draft.put("prompt_template", RAW, param="prompt")
        bases = [draft.checked(prompt=prompt) for prompt in prompts]
        choices = seeds(draft, asked.per_prompt)
        inputs = tuple({**base, **seed} for base in bases for seed in choices)
        return replace(asked, inputs=inputs)

    def models(self) -> bytes:
        """The answer to ``GET /v1/models``."""
        return _json({"object": "list", "data": [self._model()]})

    def describe(self, name: str) -> bytes:
        """The answer to ``GET /v1/models/{name}``. Raises ApiError when it is another's name."""
        self._check_name(name)
        return _json(self._model())

    def _model(self) -> dict[str, object]:
        told = {"id": self.model, "object": "model", "created": self.created}
        return {**told, "owned_by": "cogsmith"}

    def _check_name(self, name: str) -> None:
        if name != self.model:
            raise ApiError(
                f"there is no {name[:100]!r} here", hint=f"this server has {self.model!r}",
                where="model", code="model_not_found", status=404,
            )  # fmt: skip

    def _request(self, body: object) -> Body:
        """The body, with its model found to be ours; one that names none means the only one."""
        request = Body(body)
        self._check_name(request.text("model") or self.model)
        return request

    def _completed(self, asked: Asked, draft: Draft, request: Body) -> Asked:
        """What both kinds of request have, put where it belongs; takes all that is left."""
        stream = request.flag("stream")
        include_usage = request.option("stream_options", "include_usage") and stream
        count = request.count("n", least=1, most=self.most_choices) or 1
        stops(draft, request.take("stop"))
        others(draft, request)
        return replace(
            asked,
            per_prompt=count,
            stream=stream,
            include_usage=include_usage,
            limit=known_limit(draft),
        )


def _converse(draft: Draft, conversation: Conversation) -> None:
    """Put a conversation where the model has places for it."""
    signature, system = draft.signature, conversation.system
    apart = signature.input("system_prompt") is not None
    if takes_messages(signature):
        draft.put("messages", conversation.messages(), param="messages")
        draft.put("prompt", conversation.question, param="messages")
    elif system and not apart:
        draft.put("prompt", f"{system}\n\n{conversation.transcript()}", param="messages")
    else:
        draft.put("prompt", conversation.transcript(), param="messages")
    if system and apart:
        draft.put("system_prompt", system, param="messages")
    if conversation.images:
        _show(draft, conversation.images)


def _show(draft: Draft, images: tuple[str, ...]) -> None:
    field = image_input(draft.signature)
    if field is None:
        raise ApiError(
            "this model takes no images", where="messages", code="unsupported_value",
            hint="leave the image_url parts out",
        )  # fmt: skip
    if not field.type.many and len(images) > 1:
        raise _too_many(f"this model takes one image, not {len(images)}", "messages")
    draft.put(field.name, list(images) if field.type.many else images[0], param="messages")


def _top_logprobs(request: Body) -> int | None:
    wanted = request.flag("logprobs")
    count = request.count("top_logprobs", least=0, most=MOST_LOGPROBS)
    if count and not wanted:
        raise ApiError(
            "needs logprobs", where="top_logprobs", hint='add "logprobs": true',
            code="invalid_value",
        )  # fmt: skip
    return count or 0 if wanted else None


def _prompts(prompt: object) -> list[str]:
    """One prompt or several. Raises ApiError for token ids, which only the model's author knows."""
    prompts = prompt if isinstance(prompt, list) else [prompt]
    if prompt is None or not prompts:
        raise ApiError("is required", where="prompt", code="missing_required_parameter")
    for text in prompts:
        if not isinstance(text, str):
            raise ApiError(
                f"must be a text or a list of texts, not of {kind_of(text).split()[-1]}s",
                where="prompt", hint="token ids are not taken", code="invalid_type",
            )  # fmt: skip
    return [text for text in prompts if isinstance(text, str)]


def _echo(request: Body, *, logprobs: bool) -> bool:
    echo = request.flag("echo")
    if echo and logprobs:
        raise ApiError(
            "cannot be combined with logprobs: those of the prompt are not known",
            where="echo", hint="leave one of them out", code="unsupported_value",
        )  # fmt: skip
    return echo


def _too_many(message: str, where: str) -> ApiError:
    return ApiError(message, where=where, code="invalid_value")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

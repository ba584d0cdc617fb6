"""What a signature says of a language model."""

from __future__ import annotations

from cogsmith.runtime.openai.parameters import LIMITS, STOPS
from cogsmith.signature import InputField, Kind, OutputType, Shape, Signature

__all__ = ["image_input", "is_language_model", "takes_messages", "takes_template"]

# What predictors of language models call their inputs (facts/replicate-api.md §8.1). A model with
# a text prompt and a text answer is one if it has any of these, too; a captioner has none.
NAMES = frozenset(
    {
        *LIMITS, *STOPS, "chat_template", "frequency_penalty", "length_penalty", "logprobs",
        "messages", "min_new_tokens", "min_tokens", "presence_penalty", "prompt_template",
        "repetition_penalty", "system_prompt", "temperature", "top_k", "top_p",
    }
)  # fmt: skip


def is_language_model(signature: Signature) -> bool:
    """Whether a text prompt goes in, with at least one more input of an LLM, and text comes out."""
    return (
        not signature.is_train
        and _is_text(signature.input("prompt"))
        and _gives_text(signature.output)
        and any(field.name in NAMES for field in signature.inputs)
    )


def takes_messages(signature: Signature) -> bool:
    """Whether the predictor reads whole conversations: ``messages: list[dict]``."""
    field = signature.input("messages")
    return field is not None and field.type.many and field.type.kind is Kind.ANY


def takes_template(signature: Signature) -> bool:
    """Whether a request may say in its own words how its prompt is written down."""
    field = signature.input("prompt_template")
    return field is not None and _is_text(field) and not field.choices


def image_input(signature: Signature) -> InputField | None:
    """The input for pictures: the first file called one, by its name or its ``accept``."""
    files = (field for field in signature.inputs if field.type.is_file)
    return next((field for field in files if _is_image(field)), None)


def _is_image(field: InputField) -> bool:
    return "image" in field.name or (field.accept or "").startswith("image/")


def _is_text(field: InputField | None) -> bool:
    return field is not None and field.type.kind is Kind.STRING and not field.type.many


def _gives_text(output: OutputType) -> bool:
    one = output.items if output.is_iterator else output
    return one is not None and one.shape is Shape.SINGLE and one.kind is Kind.STRING

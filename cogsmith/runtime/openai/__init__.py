"""OpenAI's dialect of a language model: their requests in, their answers out.

In: the JSON of a chat or completions request, then the events of the predictions it asks for.
Out: inputs of the model's own signature, then OpenAI's chunks, or one JSON answer; ApiError
for what is wrong, with its status and their JSON.
Touches: nothing; times and random ids are passed in.
"""

from __future__ import annotations

from cogsmith.runtime.openai.answer import Answer
from cogsmith.runtime.openai.asked import Asked
from cogsmith.runtime.openai.dialect import Dialect
from cogsmith.runtime.openai.errors import ApiError

__all__ = ["Answer", "ApiError", "Asked", "Dialect"]

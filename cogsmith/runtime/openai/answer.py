"""From the events of predictions to OpenAI's answer, streamed or whole."""

from __future__ import annotations

import json

from cogsmith.prediction import Event, Finished, Metric, Output, Status
from cogsmith.runtime.openai.asked import Asked
from cogsmith.runtime.openai.choice import StreamedChoice, WholeChoice
from cogsmith.runtime.openai.errors import failure
from cogsmith.runtime.openai.form import Frame

__all__ = ["Answer"]

DONE = b"data: [DONE]\n\n"


class Answer:
    """One answer, made of the predictions of all its choices.

    Feed it each prediction's events in their order; those of different choices may come in any.
    What ``take`` returns is sent as it is. Until it has returned something, the answer's status is
    open: a prediction that fails before raises ApiError, one that fails later is told of in the
    stream. A whole answer has its status open to the end. After either, and after the last choice
    has ended, ``done`` is true; predictions that still run then are of no use any more.
    """

    def __init__(self, asked: Asked, *, created: int) -> None:
        """Get ready; ``created`` is now, in whole seconds since 1970."""
        self.done = False
        self._asked = asked
        self._frame = Frame(asked, created)
        self._sent = False
        make = StreamedChoice if asked.stream else WholeChoice
        self._choices: list[StreamedChoice | WholeChoice] = [
            make(asked, self._frame, index) for index in range(len(asked.inputs))
        ]

    def take(self, choice: int, event: Event) -> bytes:
        """What there is to send after one more event of a choice: server-sent events, or nothing.

        Raises ApiError when the prediction failed, or was canceled, before anything was sent.
        """
        if self.done:
            return b""
        if type(event) is Output:
            said = self._choices[choice].said(event.json)
            if said:
                self._sent = True
            return said
        if type(event) is Metric:
            self._choices[choice].record(event)
        elif type(event) is Finished:
            return self._ended(choice, event)
        return b""

    def body(self) -> bytes:
        """The whole answer as JSON, once it is done."""
        assert self.done, "a choice has not ended yet"
        bodies = [one.body() for one in self._choices if isinstance(one, WholeChoice)]
        return self._frame.whole(bodies, self._usage())

    def _ended(self, choice: int, event: Finished) -> bytes:
        if event.status is not Status.SUCCEEDED:
            return self._failed(event)
        last = self._choices[choice].finished()
        self.done = all(one.ended for one in self._choices)
        self._sent = self._sent or bool(last)
        return last + self._end() if self.done and self._asked.stream else last

    def _failed(self, event: Finished) -> bytes:
        self.done = True
        error = failure(event, param="messages" if self._asked.chat else "prompt")
        if not self._sent:
            raise error
        return error.event()

    def _end(self) -> bytes:
        usage = self._usage() if self._asked.include_usage else b""
        return (self._frame.usage(usage) if usage else b"") + DONE

    def _usage(self) -> bytes:
        """The tokens of all choices, each prompt's counted once; empty where one is not known."""
        prompts = [
            one.count("input_token_count") for one in self._choices[:: self._asked.per_prompt]
        ]
        texts = [one.count("output_token_count") for one in self._choices]
        if None in prompts or None in texts:
            return b""
        asked, said = sum(filter(None, prompts)), sum(filter(None, texts))
        told = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        return json.dumps(told, separators=(",", ":")).encode()

"""What people may ask of a language model: each input once, with its bounds and its words.

The names and ranges are those that predictors on Replicate share. A predictor spells its
inputs out in `predict`, since they are its API, and takes the declarations from here.
"""

from __future__ import annotations

from cog import Input

PROMPT = Input(description="What the model is to answer or to go on with.")

PROMPT_OR_MESSAGES = Input(
    default="",
    description="What the model is to answer or to go on with; left out where messages are given.",
)

MESSAGES = Input(
    default=None,
    description="A whole conversation instead of prompt and system_prompt: objects with a role "
    "(system, user, assistant, tool) and a content. Written down with the model's chat template, "
    "or as a plain transcript where it has none.",
)

SYSTEM_PROMPT = Input(
    default=None,
    description="How the model is to behave, told to it before the prompt. Left out with a note "
    "in the log where neither the model's chat template nor prompt_template has a place for it.",
)

IMAGE = Input(description="The picture that the prompt is about: PNG, JPEG, WebP or GIF.")

MAX_TOKENS = Input(
    default=None,
    ge=1,
    le=32768,
    description="The most tokens to answer with; 512 when left out. A word is a token or two. "
    "Lowered to what the model's context has left after the prompt.",
)

MAX_NEW_TOKENS = Input(
    default=None, ge=1, le=32768, description="The older name of max_tokens; give one of the two."
)

MIN_TOKENS = Input(
    default=0,
    ge=-1,
    le=32768,
    description="The fewest tokens to answer with: until then the model cannot end; 0 or -1: none.",
)

TEMPERATURE = Input(
    default=0.7,
    ge=0.0,
    le=5.0,
    description="How freely the next token is drawn: 0 always takes the likeliest one, 1 follows "
    "the model's own probabilities, more is wilder.",
)

TOP_P = Input(
    default=0.95,
    ge=0.01,
    le=1.0,
    description="Draw from the fewest tokens whose probabilities add up to this; 1 keeps all.",
)

TOP_K = Input(
    default=50,
    ge=-1,
    le=1000,
    description="Draw from this many of the likeliest tokens; 0 or -1 keeps all.",
)

REPETITION_PENALTY = Input(
    default=1.0,
    ge=0.01,
    le=5.0,
    description="Above 1, tokens of the prompt and of the answer so far become less likely; "
    "1 changes nothing.",
)

PRESENCE_PENALTY = Input(
    default=0.0,
    ge=-2.0,
    le=2.0,
    description="Above 0, tokens that the answer has become less likely, once; below 0, likelier.",
)

FREQUENCY_PENALTY = Input(
    default=0.0,
    ge=-2.0,
    le=2.0,
    description="Above 0, tokens that the answer has become less likely, each time again; "
    "below 0, likelier.",
)

STOP_SEQUENCES = Input(
    default=None,
    description="Texts that end the answer, separated by commas; they are not part of it. "
    "Write \\n for a line break, or a JSON array of texts for a comma.",
)

SEED = Input(
    default=None,
    ge=0,
    le=4294967295,
    description="The same seed, prompt and settings give the same answer; 0 is a seed like any "
    "other. Left out, one is drawn and told in the log.",
)

LOGPROBS = Input(
    default=None,
    ge=0,
    le=20,
    description="Tell each token's log probability, in the metric logprobs, with those of this "
    "many of the likeliest tokens in its place.",
)

PROMPT_TEMPLATE = Input(
    default=None,
    description="How to write the prompt down for the model: a text with {prompt} and, if you "
    "like, {system_prompt} in it, or the name of a form: alpaca, chatml, llama-2, llama-3, llava, "
    "mistral, plain. Left out: the model's own chat template; without one, the bare prompt.",
)

ADAPTER = Input(
    default=None,
    description="The name of an adapter in the server's ADAPTERS_DIR, to answer with; base is the "
    "model without any. Left out: the adapter that the server was started with, if any.",
)

ADAPTER_FILE = Input(
    default=None,
    description="An adapter of your own instead: a tar of adapter_config.json and "
    "adapter_model.safetensors, as train makes one.",
)

"""A function that asks another model, with a token that nobody gets to see."""

import json
from urllib.request import Request, urlopen

from cog import Input, Secret


def predict(
    token: Secret,
    text: str = Input(description="What the other model is given"),
    url: str = Input(description="Where the other model is served"),
) -> str:
    print("asking with", token)  # noqa: T201
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token.get_secret_value()}",
    }
    body = json.dumps({"input": {"text": text}}).encode()
    with urlopen(Request(f"{url}/predictions", body, headers)) as answer:
        return str(json.load(answer)["output"])

"""A plain function: what came with the prediction besides its inputs."""

from cog import Input, current_scope


def run(text: str = Input(description="Any text")) -> dict[str, dict[str, str]]:
    return {"inputs": {"text": text}, "context": dict(current_scope().context)}

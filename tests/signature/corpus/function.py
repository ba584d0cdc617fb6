from cog import Input


def predict(text: str = Input(default="world"), times: int = 1) -> str:
    return f"hello {text}" * times

"""A function of a notebook as a model: code cells are run in order, in setup()."""

import json
from pathlib import Path
from typing import Any

from cog import BaseRunner, Input

NOTEBOOK = Path(__file__).with_name("greetings.ipynb")


class Runner(BaseRunner):
    def setup(self) -> None:
        self.names: dict[str, Any] = {}
        for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), self.names)

    def run(self, name: str = Input(description="Who is greeted")) -> str:
        return str(self.names["greet"](name))

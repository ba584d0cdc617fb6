from cog import Input

SIZES = {"small": 1, "large": 2}
DEFAULT = next_best = "small"
STEPS = Input(description="Steps", default=len(SIZES), ge=1)

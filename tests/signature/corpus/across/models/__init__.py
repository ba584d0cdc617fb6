from .output import Result

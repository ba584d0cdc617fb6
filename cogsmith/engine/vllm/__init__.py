"""The vLLM back end: continuous batching on GPUs by vLLM's own engine, in its own processes.

Nothing here needs torch until `load` runs, and then only what the model's environment has.
"""

"""One predictor per family of language models, over `cogsmith.engine`."""

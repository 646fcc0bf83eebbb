"""Pure values and the pipeline; imports neither pytest nor a model."""

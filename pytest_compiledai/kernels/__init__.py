"""Kind ``model``: regions of a model and the kernels that may stand for them."""

"""The kind `model`: whole models, and regions of one compiled to kernels."""

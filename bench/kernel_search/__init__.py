"""Search curves over a space of kernels whose times were measured."""

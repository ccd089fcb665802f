"""The compiled core: nogil kernels that allocate nothing after start. Knows nothing of the layers above it."""

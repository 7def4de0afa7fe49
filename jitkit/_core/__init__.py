"""The one door to llvmlite and to numba's internals. Nothing here is public."""

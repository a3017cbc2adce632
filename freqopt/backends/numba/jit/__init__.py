"""Machine code: how a function is compiled, kept on disk, called by address, and meets memory.

What Numba does not promise to keep is in `_private` alone.
"""

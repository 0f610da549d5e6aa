"""Memory: what a process has freed goes back to the system, where others wait for it.

Allocators keep freed memory for the next request. Between two steps of a large task the next request is another
process's, and what is kept counts against the machine. Only glibc can be asked; elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back() -> None:
    """Have Arrow and the C library return the memory that nothing uses. Returns nothing; it takes milliseconds."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim"):
            library.malloc_trim(0)

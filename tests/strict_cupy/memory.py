"""Device memory that is counted, so that a test can make it run out."""

import ctypes
from typing import Any

import numpy as np

from tests.strict_cupy.rules import transfers


class OutOfMemoryError(MemoryError):
    """As `cupy.cuda.memory.OutOfMemoryError`."""

    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        super().__init__(size, total, limit)
        self.size, self.total = size, total

    def __str__(self) -> str:
        return f"Out of memory allocating {self.size:,} bytes (allocated so far: {self.total:,} bytes)."


class Card:
    """How much memory there is and how much is used; a test may set `total`."""

    def __init__(self) -> None:
        self.total = 64 << 30
        self.used = 0
        self.peak = 0
        self.limit = 0  # of the pool; 0 is none

    def take(self, size: int) -> None:
        if self.used + size > (self.limit or self.total):
            raise OutOfMemoryError(size, self.used, self.limit)
        self.used += size
        self.peak = max(self.peak, self.used)


card = Card()


class Block:
    """Counted memory; given back when nothing uses it."""

    __slots__ = ("__weakref__", "raw", "size")

    def __init__(self, size: int, raw: np.ndarray | None = None) -> None:
        self.size = 0
        card.take(size)
        self.size, self.raw = size, raw

    def __del__(self) -> None:
        card.used -= self.size


class MemoryPointer:
    """A place in memory: `array.data`, or what `cupy.cuda.alloc` gives. `mem` keeps it alive."""

    def __init__(self, mem: Any, ptr: int) -> None:
        self.mem, self.ptr = mem, ptr

    @property
    def device_id(self) -> int:
        return 0

    def _bytes(self, size: int) -> np.ndarray:
        return np.frombuffer((ctypes.c_char * size).from_address(self.ptr), np.uint8)

    def copy_from_host(self, mem: Any, size: int) -> None:
        transfers.happen("to device", "copy_from_host()")
        ctypes.memmove(self.ptr, mem.value if isinstance(mem, ctypes.c_void_p) else int(mem), size)

    def copy_from_host_async(self, mem: Any, size: int, stream: Any = None) -> None:
        self.copy_from_host(mem, size)

    def copy_from_device(self, src: "MemoryPointer", size: int) -> None:
        ctypes.memmove(self.ptr, src.ptr, size)

    def __int__(self) -> int:
        return self.ptr

    def __add__(self, offset: int) -> "MemoryPointer":
        return MemoryPointer(self.mem, self.ptr + offset)


def alloc(size: int) -> MemoryPointer:
    """As `cupy.cuda.alloc`: bytes that nobody has written."""
    raw = np.full(size, 0xCB, np.uint8)
    return MemoryPointer(Block(size, raw), raw.__array_interface__["data"][0])


class MemoryPool:
    """The memory pool; blocks that were given back are free at once."""

    def __init__(self, allocator: Any = None) -> None:
        pass

    def used_bytes(self) -> int:
        return card.used

    def total_bytes(self) -> int:
        return card.used

    def free_bytes(self) -> int:
        return 0

    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self, stream: Any = None) -> None:
        pass

    def get_limit(self) -> int:
        return card.limit

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        card.limit = int(fraction * card.total) if fraction is not None else int(size or 0)

    def malloc(self, size: int) -> MemoryPointer:
        return alloc(size)


class PinnedMemoryPool:
    """Page-locked host memory, which is ordinary memory here."""

    def free_all_blocks(self) -> None:
        pass

    def n_free_blocks(self) -> int:
        return 0

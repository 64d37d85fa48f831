"""`cupy.cuda`: one made-up device, streams that have nothing to wait for, and memory that a test can limit."""

import contextlib
import time
from types import ModuleType
from typing import Any

import numpy as np

from tests.strict_cupy import memory
from tests.strict_cupy.rules import refuse, transfers


class CUDARuntimeError(RuntimeError):
    """As `cupy.cuda.runtime.CUDARuntimeError`."""


class Device:
    """Device 0, of compute capability 9.0."""

    def __init__(self, device: Any = None) -> None:
        self.id = 0 if device is None else int(device)
        if self.id != 0:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")

    @property
    def mem_info(self) -> tuple[int, int]:
        return memGetInfo()

    @property
    def compute_capability(self) -> str:
        return "90"

    @property
    def attributes(self) -> dict[str, int]:
        return {"MaxThreadsPerBlock": 1024, "MaxSharedMemoryPerBlock": 49152, "WarpSize": 32, "MultiProcessorCount": 2}

    def synchronize(self) -> None:
        transfers.happen("wait", "synchronize()")

    def use(self) -> "Device":
        return self

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *args: Any) -> None:
        pass

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device)

    def __hash__(self) -> int:
        return 0


class Event:
    """A moment."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.moment = 0.0

    def record(self, stream: Any = None) -> None:
        self.moment = time.perf_counter()

    def synchronize(self) -> None:
        transfers.happen("wait", "synchronize()")

    @property
    def done(self) -> bool:
        return True


class Stream:
    """A queue that is always empty."""

    ptr = 0
    done = True
    null: "Stream"

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None
    ) -> None:
        pass

    def synchronize(self) -> None:
        transfers.happen("wait", "synchronize()")

    def record(self, event: Any = None) -> Event:
        event = event or Event()
        event.record()
        return event

    def wait_event(self, event: Any) -> None:
        pass

    def use(self) -> "Stream":
        return self

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *args: Any) -> None:
        pass


Stream.null = Stream()


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    return (end_event.moment - start_event.moment) * 1e3


def memGetInfo() -> tuple[int, int]:
    """(free, total) bytes."""
    return memory.card.total - memory.card.used, memory.card.total


def alloc_pinned_memory(size: int) -> Any:
    return np.empty(size, np.uint8).data


@contextlib.contextmanager
def using_allocator(allocator: Any = None) -> Any:
    yield


_RUNTIME: dict[str, Any] = {
    "getDeviceCount": lambda: 1, "getDevice": lambda: 0, "setDevice": lambda device: Device(device) and None,
    "memGetInfo": memGetInfo, "deviceSynchronize": lambda: transfers.happen("wait", "deviceSynchronize()"),
    "streamSynchronize": lambda stream: transfers.happen("wait", "streamSynchronize()"),
    "runtimeGetVersion": lambda: 13000, "driverGetVersion": lambda: 13000, "CUDARuntimeError": CUDARuntimeError,
    "getDeviceProperties": lambda device: {
        "name": b"strict stand-in", "major": 9, "minor": 0, "totalGlobalMem": memory.card.total,
        "multiProcessorCount": 2, "warpSize": 32, "sharedMemPerBlock": 49152,
    },
    "is_hip": False, "cudaDevAttrMaxSharedMemoryPerBlockOptin": 97,
    "deviceGetAttribute": lambda attribute, device: 49152,
}  # fmt: skip

_CUDA: dict[str, Any] = {
    "Device": Device, "Event": Event, "Stream": Stream, "MemoryPool": memory.MemoryPool,
    "MemoryPointer": memory.MemoryPointer, "PinnedMemoryPool": memory.PinnedMemoryPool, "alloc": memory.alloc,
    "alloc_pinned_memory": alloc_pinned_memory, "get_current_stream": lambda device_id=-1: Stream.null,
    "get_device_id": lambda: 0, "get_cublas_handle": lambda: 1, "get_elapsed_time": get_elapsed_time,
    "is_available": lambda: True,
    "set_allocator": lambda allocator=None: None, "get_allocator": lambda: memory.alloc,
    "set_pinned_memory_allocator": lambda allocator=None: None, "using_allocator": using_allocator,
    "get_local_runtime_version": lambda: 13000,
}  # fmt: skip


class Recorded(ModuleType):
    """A module that has what was recorded of CuPy's, as far as somebody wrote it here."""

    def __init__(self, name: str, contents: dict[str, Any], recorded: dict[str, Any]) -> None:
        super().__init__(name)
        missing = set(contents) - set(recorded)
        if missing:
            raise AssertionError(f"{name} of CuPy has no {', '.join(sorted(missing))}")
        self.__dict__.update(contents)
        self._recorded = recorded

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") or attribute == "RawKernel":
            raise AttributeError(attribute)
        if attribute in self._recorded:
            raise NotImplementedError(f"CuPy has {self.__name__}.{attribute}, but the strict stand-in has not")
        raise AttributeError(f"module {self.__name__!r} of CuPy has no attribute {attribute!r}")


class RefusedRandom(ModuleType):
    """`cupy.random`: random numbers are drawn on the host, so that all backends draw the same."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return refuse(f"cupy.random.{attribute}: draw on the host and move what was drawn")

"""Which array library a model uses: NumPy, or CuPy on a GPU.

The backend belongs to a model and its arrays, never to a global or a context variable. CuPy is imported only when it is
asked for by name.
"""

import os
from types import ModuleType
from typing import Any

import numpy as np

from minibert.backend.device import load_cupy
from minibert.errors import BackendError, InputError

BACKENDS = ("numpy", "cupy")


def load_backend(name: str) -> ModuleType:
    """The array library of this name, "numpy" or "cupy".

    Raises:
        BackendError: the name is unknown, CuPy is not installed, or it finds no usable GPU: each has its sentence.
    """
    if name == "numpy":
        return np
    if name != "cupy":
        raise BackendError(f"backend {name!r} is unknown: choose one of {', '.join(BACKENDS)}.")
    return load_cupy()


def default_backend() -> str:
    """The backend of new models: `MINIBERT_BACKEND`, or "numpy" where that is not set."""
    return os.environ.get("MINIBERT_BACKEND") or "numpy"


def backend_of_device(device: Any) -> str:
    """The backend that PyTorch's name of a device means here: "numpy" for the CPU, "cupy" for the first GPU.

    Args:
        device: -1, "cpu"; 0, "cuda", "cuda:0"; "auto" for MINIBERT_BACKEND, or else the GPU if there is a usable
            one; a backend's own name; a torch.device; or what `device_map` may also be, {"": device}.

    Raises:
        InputError: no such device is known.
        BackendError: it is the GPU, and that cannot be used here.

    >>> backend_of_device("cpu"), backend_of_device(-1), backend_of_device({"": "cpu"})
    ('numpy', 'numpy', 'numpy')
    """
    if isinstance(device, dict) and len(set(device.values())) == 1:
        return backend_of_device(next(iter(device.values())))
    name = device if isinstance(device, int) and not isinstance(device, bool) else str(device)
    if name == "auto":
        return os.environ.get("MINIBERT_BACKEND") or ("cupy" if _gpu_is_usable() else "numpy")
    if name in (-1, "cpu", "numpy"):
        return "numpy"
    if name not in (0, "cuda", "cuda:0", "gpu", "cupy"):
        raise InputError(
            f"device is {device!r}: give -1 or 'cpu' for NumPy, 0, 'cuda' or 'cupy' for the GPU, or 'auto' for what "
            "is here."
        )
    if name != "cupy":
        try:
            load_backend("cupy")
        except BackendError as error:
            raise BackendError(f"device {device!r} is a GPU; device=-1 or 'cpu' computes with NumPy. {error}") from None
    return "cupy"


def _gpu_is_usable() -> bool:
    try:
        load_backend("cupy")
    except BackendError:
        return False
    return True

"""NumPy or CuPy: the one place that knows them apart.

`choice.py` says which library a model uses, `arrays.py` moves arrays between them, `device.py` knows the GPU.
"""

from minibert.backend.arrays import Array, array_module, as_array, contiguous, move, to_numpy, upload
from minibert.backend.choice import BACKENDS, backend_of_device, default_backend, load_backend

__all__ = [
    "BACKENDS",
    "Array",
    "array_module",
    "as_array",
    "backend_of_device",
    "contiguous",
    "default_backend",
    "load_backend",
    "move",
    "to_numpy",
    "upload",
]

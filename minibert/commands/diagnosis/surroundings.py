"""Versions, platform, backends and the environment: what a question about an installation has to say first."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from minibert.backend import BACKENDS, default_backend, load_backend
from minibert.errors import MinibertError

REQUIRED = ("numpy", "regex", "safetensors", "tqdm")
# package -> what it is for
OPTIONAL = {
    "cupy": "the GPU", "huggingface_hub": "downloads", "matplotlib": "pictures", "shtab": "shell completion",
    "threadpoolctl": "BLAS threads in this report",
}  # fmt: skip
_CUPY_WHEELS = ("cupy", "cupy-cuda12x", "cupy-cuda13x", "cupy-cuda11x", "cupy-rocm-5-0")
VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MINIBERT_BACKEND", "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME",
    "CUDA_VISIBLE_DEVICES",
)  # fmt: skip


def versions() -> dict[str, str | None]:
    """package -> its version, None where it is not installed."""
    import minibert

    found: dict[str, str | None] = {"minibert": minibert.__version__, "python": platform.python_version()}
    for name in (*REQUIRED, *OPTIONAL):
        names = _CUPY_WHEELS if name == "cupy" else (name,)
        found[name] = next((version for each in names if (version := _version(each))), None)
    return found


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def namesake_problem() -> str | None:
    """What another package of the same import name does to this one, or None if there is none."""
    found = _version("minibert")
    if found is None:
        return None
    return (
        f"the package minibert {found} is installed, which is another project with the same import name, and the files "
        "of one overwrite those of the other: pip uninstall minibert minibert-numpy, then pip install minibert-numpy"
    )


def machine() -> dict[str, Any]:
    """System, processor, cores that this process may use, Python's place."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": cores,
        "python": sys.executable,
        "minibert": str(Path(__file__).resolve().parents[2]),
    }


def backends() -> dict[str, dict[str, Any]]:
    """backend -> whether it is usable, and why not or on which device."""
    found: dict[str, dict[str, Any]] = {}
    for name in BACKENDS:
        try:
            xp = load_backend(name)
        except MinibertError as reason:
            found[name] = {"usable": False, "reason": str(reason)}
        else:
            found[name] = {"usable": True, "device": "CPU" if name == "numpy" else _gpu(xp)}
    return found


def _gpu(cupy: Any) -> str:
    try:
        device = cupy.cuda.runtime.getDeviceProperties(0)
        return f"{device['name'].decode()}, {device['totalGlobalMem'] / 1e9:.0f} GB"
    except Exception as reason:  # whatever the driver says: the device is usable, its name is not known
        return f"a GPU without a name ({reason})"


def backend_problem() -> str | None:
    """Why the backend of new models cannot be used, None if it can."""
    try:
        load_backend(default_backend())
    except MinibertError as reason:
        return f"MINIBERT_BACKEND is {default_backend()!r}, and {reason}"
    return None


def environment() -> dict[str, str | None]:
    """The variables that minibert or its libraries read, None where one is not set."""
    return {name: os.environ.get(name) for name in VARIABLES}

"""Kernels."""
from typing import Any


class CompileException(Exception):
    """As `cupy.cuda.compiler.CompileException`."""


CLASSES: dict[str, Any] = {}

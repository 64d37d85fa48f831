"""The recorded namespace is that of the installed CuPy, which needs no GPU for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.strict_cupy.functions import STORED, Signature

ROOT = Path(__file__).parents[2]
RECORD = "import json; from tests.strict_cupy.record_namespace import namespace; print(json.dumps(namespace()))"


def installed_version() -> str | None:
    """CuPy's version, without importing it."""
    from importlib.metadata import distributions

    names = {dist.metadata["Name"]: dist.version for dist in distributions()}
    return next((version for name, version in names.items() if name and name.startswith("cupy")), None)


def test_the_installed_cupy_is_what_was_recorded() -> None:
    if installed_version() is None:
        pytest.skip("CuPy is not installed: pip install cupy-cuda13x==" + STORED["version"])
    if installed_version() != STORED["version"]:
        pytest.skip(f"CuPy {installed_version()} is installed, and {STORED['version']} was recorded")
    done = subprocess.run([sys.executable, "-c", RECORD], cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for part in ("modules", "classes"):
        assert list(found[part]) == list(STORED[part])
        for group, names in STORED[part].items():
            assert found[part][group] == names, group


def test_signatures() -> None:
    signature = Signature("a, axis=, *, out=")
    assert (signature.positional, signature.required, signature.names) == (["a", "axis"], ["a"], {"a", "axis", "out"})
    assert Signature("*shape, order=").any_number
    assert not signature.any_number
    assert Signature("args, **kwargs").any_keyword

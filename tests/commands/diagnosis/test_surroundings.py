"""Versions, machine, backends and environment, as `minibert doctor` finds them."""

import os
import platform
import sys
import types
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.commands.diagnosis import surroundings

pytestmark = pytest.mark.usefixtures("nothing_shipped")


def installed(monkeypatch: pytest.MonkeyPatch, **packages: str) -> None:
    """As if only these distributions were installed."""

    def version(name: str) -> str:
        if name not in packages:
            raise metadata.PackageNotFoundError(name)
        return packages[name]

    monkeypatch.setattr(surroundings.metadata, "version", version)


def test_versions_of_what_is_installed() -> None:
    found = surroundings.versions()
    assert list(found) == ["minibert", "python", *surroundings.REQUIRED, *surroundings.OPTIONAL]
    assert found["minibert"] == mb.__version__
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()


def test_what_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, numpy="2.0")
    found = surroundings.versions()
    assert (found["numpy"], found["regex"], found["cupy"]) == ("2.0", None, None)


@pytest.mark.parametrize("wheel", ["cupy", "cupy-cuda12x", "cupy-rocm-5-0"])
def test_cupy_has_a_name_for_each_driver(wheel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, **{wheel: "14.0"})
    assert surroundings.versions()["cupy"] == "14.0"


def test_another_package_of_the_same_import_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.namesake_problem() is None
    place = tmp_path / "site" / "minibert-0.0.1.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: minibert\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert surroundings.namesake_problem() == (
        "the package minibert 0.0.1 is installed, which is another project with the same import name, and the files "
        "of one overwrite those of the other: pip uninstall minibert minibert-numpy, then pip install minibert-numpy"
    )


def test_the_machine() -> None:
    found = surroundings.machine()
    assert found["python"] == sys.executable
    assert 1 <= found["cores"] <= (os.cpu_count() or 1)
    assert Path(found["minibert"]) == Path(mb.__file__).resolve().parent


def test_a_backend_is_usable_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    found = surroundings.backends()
    assert found["numpy"] == {"usable": True, "device": "CPU"}
    assert not found["cupy"]["usable"]
    assert found["cupy"]["reason"].startswith("backend 'cupy' needs CuPy, which is not")


def test_a_gpu_has_a_name_and_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def properties(device: int) -> dict[str, object]:
        return {"name": b"A GPU", "totalGlobalMem": 79_600_000_000}

    runtime = types.SimpleNamespace(getDeviceProperties=properties)
    cupy = types.SimpleNamespace(cuda=types.SimpleNamespace(runtime=runtime))
    monkeypatch.setattr(surroundings, "load_backend", lambda name: np if name == "numpy" else cupy)
    assert surroundings.backends()["cupy"] == {"usable": True, "device": "A GPU, 80 GB"}
    del runtime.getDeviceProperties
    assert surroundings.backends()["cupy"]["device"].startswith("a GPU without a name (")


def test_the_backend_of_new_models(monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.backend_problem() is None
    monkeypatch.setenv("MINIBERT_BACKEND", "tpu")
    assert surroundings.backend_problem() == (
        "MINIBERT_BACKEND is 'tpu', and backend 'tpu' is unknown: choose one of numpy, cupy."
    )


def test_the_environment_has_every_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.environment() == dict.fromkeys(surroundings.VARIABLES)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert surroundings.environment()["HF_HUB_OFFLINE"] == "1"

"""What all tests share: only files called test_*.py are read as tests; doctests live in minibert/ itself.

`pytest --backend=strict tests/models tests/training ...` runs tests with every new model on the strict stand-in for
CuPy (`tests/strict_cupy`), so that each step of the library meets the rules of a GPU's arrays. There the plain array
functions run; with `--backend=strict-kernels` the CUDA kernels do, compiled for the CPU.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import strict_cupy
from tests.strict_cupy import needs_numpy


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        choices=("numpy", "strict", "strict-kernels"),
        default="numpy",
        help="where new models live: on NumPy (default), or on the strict stand-in for CuPy, without kernels or with",
    )


def pytest_configure() -> None:
    """Let Ctrl-C interrupt, also where a script started pytest in the background with interrupts ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Scripts and helpers beside the tests may need the reference implementations: they are not imported."""
    if collection_path.suffix == ".py" and not collection_path.name.startswith(("test_", "conftest")):
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --backend=strict: skip, with the reason, what only NumPy can do."""
    if config.getoption("--backend") == "numpy":
        return
    for item in items:
        for start, reason in needs_numpy.REASONS.items():
            if item.nodeid.startswith(start):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True, scope="session")
def _models_on_the_stand_in(request: pytest.FixtureRequest) -> Iterator[None]:
    """With --backend=strict: `import cupy` gives the stand-in, and new models live there."""
    backend = request.config.getoption("--backend")
    if backend == "numpy":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIBERT_BACKEND", "cupy")
        patch.setattr(strict_cupy.rules, "lenient_folder", strict_cupy.rules.TESTS)
        with strict_cupy.installed(with_kernels=backend == "strict-kernels"):
            yield

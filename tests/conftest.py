"""What all tests share: only files called test_*.py are read as tests; doctests live in minibert/ itself."""

from pathlib import Path


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Scripts and helpers beside the tests may need the reference implementations: they are not imported."""
    if collection_path.suffix == ".py" and not collection_path.name.startswith(("test_", "conftest")):
        return True
    return None

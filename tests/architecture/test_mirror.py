"""tests/ mirrors minibert/: who looks for the tests of a module finds them at its place."""

from tests.architecture.lesson import PACKAGE, ROOT

TESTS = ROOT / "tests"
# folders whose files are all of one kind, and the test that runs over each of them
OF_ONE_KIND = {"course/chapters": "course/test_chapters.py"}


def test_each_module_has_its_test_file() -> None:
    without = []
    for module in sorted(PACKAGE.rglob("*.py")):
        place = module.relative_to(PACKAGE)
        if place.name.startswith("__") or "shipped" in place.parts:
            continue
        if any(str(place).startswith(folder) and (TESTS / test).exists() for folder, test in OF_ONE_KIND.items()):
            continue
        if not (TESTS / place.parent / f"test_{place.stem}.py").exists():
            without.append(str(place))
    assert not without, f"{len(without)} modules have no test file of their own: {', '.join(without)}"

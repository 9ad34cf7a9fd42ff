"""The build backend of the package: maturin's, with the manual page and the completions of the shells
made beforehand, for it is the program that makes them."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Dict, List, Optional

import maturin

try:
    import tomllib
except ImportError:  # Before Python 3.11; maturin brings it there.
    import tomli as tomllib  # type: ignore[no-redef]

get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_editable = maturin.get_requires_for_build_editable
build_sdist = maturin.build_sdist

HERE = os.path.dirname(os.path.abspath(__file__))

#: What the program prints, and where a system looks for it below its prefix.
PAGES = {
    "man": "man/man1/maitred.1",
    "completions bash": "bash-completion/completions/maitred",
    "completions zsh": "zsh/site-functions/_maitred",
    "completions fish": "fish/vendor_completions.d/maitred.fish",
}

Settings = Optional[Dict[str, Any]]


def prepare_metadata_for_build_wheel(directory: str, settings: Settings = None) -> str:
    # Asked first, and by pip before there is a page: maturin wants the folder of them even so.
    os.makedirs(os.path.join(HERE, _project()["data"]), exist_ok=True)
    return maturin.prepare_metadata_for_build_wheel(directory, settings)


def build_wheel(directory: str, settings: Settings = None, metadata: Optional[str] = None) -> str:
    put_pages()
    return maturin.build_wheel(directory, settings, metadata)


def build_editable(directory: str, settings: Settings = None, metadata: Optional[str] = None) -> str:
    put_pages()
    return maturin.build_editable(directory, settings, metadata)


def put_pages() -> None:
    """Writes the pages into the folder from which maturin takes the data of the wheel."""
    project = _project()
    for words, name in PAGES.items():
        path = os.path.join(HERE, project["data"], "data", "share", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        text = subprocess.run(
            _program(os.path.join(HERE, project["manifest-path"])) + words.split(),
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        with open(path, "wb") as page:
            page.write(text)


def _project() -> Dict[str, Any]:
    with open(os.path.join(HERE, "pyproject.toml"), "rb") as file:
        return tomllib.load(file)["tool"]["maturin"]


def _program(manifest: str) -> List[str]:
    """The program, as it is built here: what maturin builds next."""
    named = os.environ.get("MAITRED")
    if named:
        return [named]
    run = ["cargo", "run", "--quiet", "--release", "--locked", "--features", "png", "--bin", "maitred"]
    return [*run, "--manifest-path", manifest, "--"]


if __name__ == "__main__":
    put_pages()

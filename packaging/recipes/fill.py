"""Copies the recipes with the sum of a release's source archive, and the project's address, in place of what stands for them.

    fill.py ARCHIVE ADDRESS FOLDER
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import sys
from pathlib import Path

PLACEHOLDER = "https://anysock.example"

RECIPES = Path(__file__).resolve().parent


def sums(archive: bytes) -> dict[str, tuple[str, str]]:
    """Of each recipe, what stands for the sum, and the sum in the package manager's words."""
    short, long = hashlib.sha256(archive), hashlib.sha512(archive)
    return {
        "conan/conanfile.py": ('"0" * 64', f'"{short.hexdigest()}"'),
        "homebrew/anysock.rb": (f'"{"0" * 64}"', f'"{short.hexdigest()}"'),
        "nix/default.nix": ("pkgs.lib.fakeHash", f'"sha256-{base64.b64encode(short.digest()).decode()}"'),
        "vcpkg/portfile.cmake": ("SHA512 0)", f"SHA512 {long.hexdigest()})"),
    }


def main(archive: Path, address: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(RECIPES, folder, ignore=shutil.ignore_patterns("*.md", "fill.py", "__pycache__"))
    for recipe in filter(Path.is_file, folder.rglob("*")):
        recipe.write_text(recipe.read_text().replace(PLACEHOLDER, address))
    for name, (placeholder, told) in sums(archive.read_bytes()).items():
        recipe = folder / name
        text = recipe.read_text()
        if text.count(placeholder) != 1:
            raise SystemExit(f"{name} has {text.count(placeholder)} places for the sum")
        recipe.write_text(text.replace(placeholder, told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

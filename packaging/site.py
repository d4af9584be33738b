"""Finishes the manual's site: what pages link to outside of docs/ (examples, READMEs) is put beside them, as plain text; then every
link of the site leads to a file of it, and to a place that the file has.

    site.py FOLDER        as mdBook has made it
"""

from __future__ import annotations

import re
import shutil
import sys
from functools import cache
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"

#: What stays within the site.
TARGET = re.compile(r'\b(?:href|src)="([^":?]+)"')
LINK = re.compile(r'\b(href|src)="([^"#:?]+)([^":]*)"')


def outside(target: str) -> Path | None:
    """The file of the repository that a link means. mdBook calls pages .html, those that are none of its own too."""
    if not target.startswith("../"):
        return None
    found = (DOCS / target).resolve()
    return found.with_suffix(".md") if found.suffix == ".html" else found


def brought(site: Path, page: Path) -> None:
    """Writes a page anew, with what it links to in `source/`."""

    def bring(found: re.Match[str]) -> str:
        file = outside(found[2])
        if file is None:
            return found[0]
        place = site / "source" / f"{file.relative_to(DOCS.parent)}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
        return f'{found[1]}="{place.relative_to(site).as_posix()}"'

    page.write_text(LINK.sub(bring, page.read_text(encoding="utf-8")), encoding="utf-8")


@cache
def places(page: Path) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))


def leads_nowhere(site: Path, page: Path, target: str) -> bool:
    name, _, place = target.partition("#")
    file = site / name.lstrip("/") if name else page
    return not file.exists() or bool(place and file.suffix == ".html" and place not in places(file))


def broken(site: Path, page: Path) -> list[str]:
    targets = set(TARGET.findall(page.read_text(encoding="utf-8")))
    return [f"{page.name}: {target} is not there" for target in sorted(targets) if leads_nowhere(site, page, target)]


def main(site: Path) -> int:
    pages = sorted(site.glob("*.html"))
    for page in pages:
        brought(site, page)
    faults = [fault for page in pages for fault in broken(site, page)]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

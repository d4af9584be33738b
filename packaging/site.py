"""Finishes the manual's site: what pages link to outside of docs/ (examples, READMEs) is put beside them, as plain text; then every
link of the site leads to a file of it.

    site.py FOLDER        as mdBook has made it
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"

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


def broken(site: Path, page: Path) -> list[str]:
    targets = {found[2] for found in LINK.finditer(page.read_text(encoding="utf-8"))}
    return [f"{page.name}: {target} is not there" for target in sorted(targets) if not (site / target.lstrip("/")).exists()]


def main(site: Path) -> int:
    pages = sorted(site.glob("*.html"))
    for page in pages:
        brought(site, page)
    faults = [fault for page in pages for fault in broken(site, page)]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

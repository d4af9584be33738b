"""Packs a folder as a zip whose bytes depend on nothing but what is in it.

    zip.py FOLDER ARCHIVE        with the time in SOURCE_DATE_EPOCH
"""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path


def main(folder: Path, archive: Path) -> None:
    moment = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder.parent).as_posix(), moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100755 if os.access(file, os.X_OK) else 0o100644) << 16
            packed.writestr(entry, file.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""The corpora of the fuzz targets: a text file for each, with one input a line, in hexadecimal.

    corpus.py unpack FILE FOLDER     a file for each input, as libFuzzer wants them
    corpus.py pack FOLDER FILE       back again, after TARGET -merge=1 FOLDER GROWN; what crashed once is kept by hand, above
"""

import hashlib
import pathlib
import sys


def unpack(file: pathlib.Path, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for line in file.read_text().splitlines():
        if line and not line.startswith("#"):
            data = bytes.fromhex(line)
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack(folder: pathlib.Path, file: pathlib.Path) -> None:
    kept = [line for line in file.read_text().splitlines() if line.startswith("#")] if file.exists() else []
    inputs = sorted({path.read_bytes() for path in folder.iterdir()}, key=lambda data: (len(data), data))
    file.write_text("\n".join(kept + [data.hex() for data in inputs if data]) + "\n")


if __name__ == "__main__":
    {"unpack": unpack, "pack": pack}[sys.argv[1]](pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))

"""Checks bills of materials against CycloneDX's own schema.

    check_bill.py FILE...        needs cyclonedx-python-lib
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(files: list[str]) -> int:
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    status = 0
    for file in files:
        error = validator.validate_str(Path(file).read_text())
        if error:
            print(f"{file}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

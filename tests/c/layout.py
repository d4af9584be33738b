#!/usr/bin/env python3
"""Prints a C program that compiles only where structures lie as include/anysock.json says of a data model.

    layout.py MODEL
"""

import json
import sys
from pathlib import Path

DESCRIPTION = Path(__file__).resolve().parents[2] / "include" / "anysock.json"


def claims(structs, model):
    for struct in structs:
        name = struct["name"]
        yield f"sizeof({name}) == {struct['size'][model]}"
        yield f"_Alignof({name}) == {struct['alignment'][model]}"
        for field in struct["fields"]:
            yield f"offsetof({name}, {field['name']}) == {field['offset'][model]}"


def main():
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    print("#include <anysock.h>")
    for claim in claims(description["structs"], sys.argv[1]):
        print(f'_Static_assert({claim}, "{claim}");')


main()

"""What else is in a build of the library: a notice with the licences' texts, and a bill of materials (CycloneDX).

    third_party.py TARGET FOLDER [--runtime NAME=VERSION[,TEXT]]...

writes FOLDER/THIRD-PARTY.txt and FOLDER/anysock.cdx.json. TARGET is one of rustc's, and decides which crates count;
runtimes are what the linker adds (`libunwind=21,LICENSE.TXT`: version and licence's text). Nothing in the files depends on time or place.

What it is not: a judgement of licences; that is packaging/check-licences.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARGO = os.environ.get("CARGO", "cargo")
RUSTC = os.environ.get("RUSTC", "rustc")

#: What a linker may add: licence, and what it is.
RUNTIMES = {
    "rust-std": ("MIT OR Apache-2.0", "The Rust standard library"),
    "libunwind": ("Apache-2.0 WITH LLVM-exception", "LLVM's unwinder, linked as an archive"),
    "libgcc_eh": ("GPL-3.0-or-later WITH GCC-exception-3.1", "GCC's unwinder, linked as an archive"),
    "mingw-w64": ("ZPL-2.1", "The runtime of MinGW-w64"),
}

#: Without the line that says whose it is.
MIT = (ROOT / "LICENSE-MIT").read_text().split("\n\n", 2)[2]


@dataclass
class Part:
    """Somebody else's work that a build contains."""

    name: str
    version: str
    license: str
    description: str
    url: str | None
    package: str
    texts: dict[str, str]
    checksum: str | None = None


def metadata(target: str) -> dict:
    command = [CARGO, "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    return json.loads(subprocess.check_output(command, cwd=ROOT))


def crates(target: str) -> tuple[dict, list[Part]]:
    """anysock itself, and the crates that are linked into it: no tests, no build scripts."""
    found = metadata(target)
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    root = found["resolve"]["root"]
    reached: set[str] = set()
    pending = [root]
    while pending:
        for dependency in nodes[pending.pop()]["deps"]:
            linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if linked and dependency["pkg"] not in reached:
                reached.add(dependency["pkg"])
                pending.append(dependency["pkg"])
    checksums = locked_checksums()
    parts = [crate(packages[identity], checksums) for identity in reached]
    return packages[root], sorted(parts, key=lambda part: (part.name, part.version))


def crate(package: dict, checksums: dict[tuple[str, str], str]) -> Part:
    folder = Path(package["manifest_path"]).parent
    texts = {file.name: file.read_text() for file in sorted(folder.glob("LICENSE*")) if file.is_file()}
    name, version = package["name"], package["version"]
    return Part(name, version, package["license"].replace("/", " OR "), " ".join((package["description"] or "").split()),
                package["repository"], f"pkg:cargo/{name}@{version}", texts, checksums.get((name, version)))


def locked_checksums() -> dict[tuple[str, str], str]:
    """As Cargo.lock has them: of the packed crates. Python 3.9 has no module for TOML, and this file is plain."""
    found, name, version = {}, "", ""
    for line in (ROOT / "Cargo.lock").read_text().splitlines():
        key, _, value = line.partition(" = ")
        if key == "name":
            name = value.strip('"')
        elif key == "version":
            version = value.strip('"')
        elif key == "checksum":
            found[name, version] = value.strip('"')
    return found


def runtime(argument: str) -> Part:
    name, _, rest = argument.partition("=")
    version, _, file = rest.partition(",")
    license_, description = RUNTIMES[name]
    texts = {Path(file).name: Path(file).read_text()} if file else {}
    return Part(name, version, license_, description, None, f"pkg:generic/{name}@{version}", texts)


def rust_version() -> str:
    return subprocess.check_output([RUSTC, "--version"], text=True).split()[1]


def notice(parts: list[Part]) -> str:
    """The notice: a list of the parts, then each licence text once."""
    lines = ["anysock contains work of others. Each part with its version and licence:", ""]
    lines += [f"    {part.name} {part.version}: {part.license}. {part.description}".rstrip() for part in parts]
    lines += ["", "Where a licence is a choice (OR), MIT is chosen where it is offered.", ""]
    said: set[str] = set()
    for part in parts:
        for name, text in part.texts.items() or usual_text(part):
            if text in said:
                continue
            said.add(text)
            lines += ["-" * 72, f"{part.name} {part.version}: {name}", "-" * 72, "", text.rstrip(), ""]
    return "\n".join(lines)


def usual_text(part: Part) -> list[tuple[str, str]]:
    """Of a part that brings no text of its own."""
    return [("MIT", f"Copyright (c) the authors of {part.name}\n\n{MIT}")] if "MIT" in part.license else []


def licence(expression: str) -> dict:
    if " OR " in expression or " AND " in expression or " WITH " in expression:
        return {"expression": expression}
    return {"license": {"id": expression}}


def component(part: Part) -> dict:
    described = {
        "type": "library",
        "bom-ref": part.package,
        "name": part.name,
        "version": part.version,
        "description": part.description,
        "licenses": [licence(part.license)],
        "purl": part.package,
    }
    if part.checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": part.checksum}]
    if part.url:
        described["externalReferences"] = [{"type": "vcs", "url": part.url}]
    return described


def bill(root: dict, target: str, parts: list[Part]) -> dict:
    reference = f"pkg:cargo/anysock@{root['version']}"
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": reference,
                "name": "anysock",
                "version": root["version"],
                "description": root["description"],
                "licenses": [licence(root["license"])],
                "purl": reference,
                "properties": [{"name": "anysock:target", "value": target}],
            },
        },
        "components": [component(part) for part in parts],
        "dependencies": [{"ref": reference, "dependsOn": [part.package for part in parts]}],
    }
    # The serial number is a hash of the content, so that builds are reproducible.
    content["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True)).urn
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description="Notices and a bill of materials of a build.")
    parser.add_argument("target")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runtime", action="append", default=[], help="NAME=VERSION[,TEXT]")
    arguments = parser.parse_args()
    root, parts = crates(arguments.target)
    parts += [runtime(each) for each in [f"rust-std={rust_version()}", *arguments.runtime]]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "THIRD-PARTY.txt").write_text(notice(parts))
    text = json.dumps(bill(root, arguments.target, parts), indent=2, ensure_ascii=False)
    (arguments.folder / "anysock.cdx.json").write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())

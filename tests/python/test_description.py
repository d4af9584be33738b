"""include/anysock.json, the description of the C interface for machines, is as its schema says."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from conftest import ROOT

jsonschema = pytest.importorskip("jsonschema")


def read(name: str) -> Any:
    return json.loads((ROOT / "include" / name).read_text(encoding="utf-8"))


SCHEMA = read("anysock.schema.json")
DESCRIPTION = read("anysock.json")


def complaints(description: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(description)]


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_description_is_as_its_schema_says() -> None:
    assert complaints(DESCRIPTION) == []


def parameter(description: Any, function: str, name: str) -> Any:
    (found,) = (each for each in description["functions"] if each["name"] == function)
    (wanted,) = (each for each in found["parameters"] if each["name"] == name)
    return wanted


def test_schema_refuses_what_says_too_little() -> None:
    for key in ("nullable", "length", "retained", "direction", "doc"):
        broken = copy.deepcopy(DESCRIPTION)
        del parameter(broken, "anysock_read", "data")[key]
        assert complaints(broken), key
    broken = copy.deepcopy(DESCRIPTION)
    broken["functions"][0]["blocking"] = {"class": "sometimes"}
    assert complaints(broken)


def test_lengths_and_groups_are_there() -> None:
    groups = {constant["group"] for constant in DESCRIPTION["constants"]}
    for function in DESCRIPTION["functions"]:
        names = [parameter["name"] for parameter in function["parameters"]]
        for each in function["parameters"]:
            assert each.get("length") in [None, *names], function["name"]
            assert "group" not in each or each["group"] in groups, function["name"]


def test_names_are_of_the_tables() -> None:
    errors = {error["name"] for error in DESCRIPTION["errors"]}
    constants = {constant["name"] for constant in DESCRIPTION["constants"]}
    sections = {section["name"] for section in DESCRIPTION["sections"]}
    for function in DESCRIPTION["functions"]:
        assert set(function["errors"]) <= errors
        assert function["section"] in sections
    rows = DESCRIPTION["errors"] + DESCRIPTION["options"]
    assert {row["constant"] for row in rows} <= constants

"""Writes the C of `callers`: for each function of include/anysock.json a call whose every argument is drawn, and what its page
says of the answer. Not here: how an argument is drawn (callers.c), and whether what was asked for was done (the other tests).

So no function can be forgotten: one that is in the description is called.
"""

import json
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[3]

# Sections whose functions also say what a connection has met, which may be any of the system's errors.
OPEN_ENDED = ("life", "connection", "bytes", "many", "message")

# What a text stands for, by the name of its parameter; others are drawn from all.
TEXTS = {"kind": "KINDS", "option": "OPTIONS", "feature": "FEATURES", "address": "ADDRESSES"}


def main() -> None:
    """The header for callers.c, on standard output."""
    description = json.loads((TOP / "include/anysock.json").read_text())
    structs = {struct["name"]: struct for struct in description["structs"]}
    print("/* Made by callers.py from include/anysock.json. */")
    print(texts("KINDS", [kind["name"] for kind in description["kinds"]] + ["ip4:icmp", "ip6:58"]))
    print(texts("OPTIONS", [option["name"] for option in description["options"]]))
    print(texts("FEATURES", [feature["name"] for feature in description["features"]]))
    for struct in structs.values():
        print(f"static void fill_{struct['name']}(void *);")
    for struct in structs.values():
        print(filler(struct))
    errors = {error["name"]: error["code"] for error in description["errors"]}
    for function in description["functions"]:
        print(caller(function, errors))
    print("static const struct function functions[] = {")
    for function in description["functions"]:
        name, result = function["name"], function["result"]
        capacity = "true" if counts_elements(function, structs) else "false"
        fails = "EVERY" if function["system_errors"] else f"errors_of_{name}"
        strict = "false" if function["section"] in OPEN_ENDED else "true"
        print(f'    {{"{name}", try_{name}, "{result["class"]}", {fails}, {strict}, {capacity}}},')
    print("};")


def texts(name: str, values: list) -> str:
    return f"static const char *const {name}[] = {{{', '.join(json.dumps(value) for value in values)}, NULL}};"


def filler(struct: dict) -> str:
    """Fills one element by its fields; the lengths of its arrays are those of the memory that they get."""
    name = struct["name"]
    if name in ("anysock_op", "anysock_address", "anysock_handles"):
        return f"/* {name}: by hand */"
    lines = [f"static void fill_{name}(void *place) {{", f"    {name} one;", "    draw_bytes(&one, sizeof one);"]
    lengths = {field["length"] for field in struct["fields"] if field["length"]}
    for field in struct["fields"]:
        target = f"one.{field['name']}"
        if field["name"] in lengths or field["array"]:
            continue
        if field["pointer"]:
            element, fill = element_of(field["type"])
            lines.append(f"    struct memory {field['name']} = draw_array({element}, {fill}, VARIABLE, {lone(field)});")
            lines.append(f"    {target} = {field['name']}.given;")
            if field["length"]:
                lines.append(f"    one.{field['length']} = {field['name']}.count;")
        elif field["type"].startswith("anysock_") and field["type"] != "anysock_t":
            lines.append(f"    fill_{field['type']}(&{target});")
        elif field["name"] == "size":
            lines.append(f"    {target} = one_in(8) ? (uint32_t)below(sizeof one) : sizeof one;")
        elif field["reserved"]:
            lines.append(f"    {target} = one_in(16) ? 1 : 0;")
        else:
            lines.append(f"    {target} = {draw(field, False)};")
    return "\n".join(lines + ["    memcpy(place, &one, sizeof one);", "}"])


def caller(function: dict, errors: dict) -> str:
    """One call: its arguments by their types, then the call, then what it gave."""
    name = function["name"]
    parameters = function["parameters"]
    lengths = {parameter["length"] for parameter in parameters if parameter.get("length")}
    awakened = "close" in function["blocking"].get("woken_by", []) and parameters[0]["type"] == "anysock_t"
    codes = ", ".join(str(errors[error]) for error in function["errors"])
    lines = [f"static const int64_t errors_of_{name}[] = {{{codes}{', ' if codes else ''}0}};"] if not function["system_errors"] else []
    lines += [f"static struct answer try_{name}(void) {{"]
    arguments = []
    capacity = "0"
    for parameter in parameters:
        arguments.append(parameter["name"])
        if parameter["name"] in lengths:
            continue
        lines.append(argument(parameter, awakened))
        if parameter["pointer"]:
            arguments[-1] += ".given"
        if parameter.get("length"):
            capacity = f"{parameter['name']}.count"
            if "." not in parameter["length"]:
                lines.append(f"    size_t {parameter['length']} = {parameter['name']}.count;")
    if name == "anysock_set":
        lines.append("    value = bounded(option.given, value); /* a close that lingers waits */")
    call = f"{name}({', '.join(arguments)})"
    lines.append(f"    begin_call(\"{name}\");")
    if function["result"]["type"] == "char":
        lines.append(f"    int64_t result = length_of({call});")
    else:
        lines.append(f"    int64_t result = {call};")
    if name == "anysock_adopt":
        lines.append("    if (result >= 0) forget_descriptor(fd);")
    if name == "anysock_release":
        lines.append("    if (result >= 0) take_back(result);")
    return "\n".join(lines + [f"    return (struct answer){{result, {capacity}}};", "}"])


def argument(parameter: dict, awakened: bool) -> str:
    name = parameter["name"]
    if not parameter["pointer"]:
        kind = "int64_t" if parameter["type"] in ("int64", "anysock_t") else parameter["c"]
        return f"    {kind} {name} = {draw(parameter, awakened)};"
    if parameter.get("terminated") and parameter["direction"] == "in":
        return f"    struct memory {name} = draw_text({TEXTS.get(name, 'NULL')});"
    element, fill = element_of(parameter["type"])
    constant = "CONSTANT" if parameter["direction"] == "in" else "VARIABLE"
    return f"    struct memory {name} = draw_array({element}, {fill}, {constant}, {lone(parameter)});"


def lone(place: dict) -> str:
    """Whether there is one element, or as many as a length says."""
    return "MANY" if place.get("length") else "ONE"


def element_of(kind: str) -> tuple:
    """The size of an element, and what fills it."""
    if kind in ("void", "char"):
        return "1", "NULL"
    if kind == "anysock_t":
        return "sizeof(anysock_t)", "fill_handle"
    if kind.startswith("anysock_"):
        return f"sizeof({kind})", f"fill_{kind}"
    return "8", "NULL"


def draw(place: dict, awakened: bool) -> str:
    """A value for what is no pointer, by its name where that says more than its type."""
    name = place["name"]
    if place["type"] == "anysock_t":
        return f'draw_handle("{name}")'
    if name == "timeout_us":
        return f"draw_timeout({'true' if awakened else 'false'})"
    if name == "fd":
        return "draw_descriptor()"
    if name == "value":
        return "draw_number()"
    if name in ("flags", "events", "how", "kind"):
        return "draw_flags()"
    return "draw_number()"


def counts_elements(function: dict, structs: dict) -> bool:
    """Whether the answer is at most the length of an array of what is no byte."""
    arrays = [p for p in function["parameters"] if p.get("length") and (p["type"] in structs or p["type"] == "anysock_t")]
    bytes_moved = function["name"] in ("anysock_readv", "anysock_writev")
    return function["result"]["class"] == "count" and bool(arrays) and not bytes_moved


if __name__ == "__main__":
    sys.exit(main())

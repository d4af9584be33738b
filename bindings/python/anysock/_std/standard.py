"""The half of CPython's socket module that is written in Python, run on top of another half in C."""

from __future__ import annotations

import builtins
import socket
from types import ModuleType
from typing import Any


def run(namespace: dict[str, Any], half_in_c: ModuleType) -> None:
    """Runs it in the namespace of a module. To it and to what it defines, `import _socket` means `half_in_c`."""

    def import_(name: str, *arguments: Any, **keywords: Any) -> Any:
        return half_in_c if name == "_socket" else builtins.__import__(name, *arguments, **keywords)

    spec: Any = socket.__spec__
    namespace["__builtins__"] = {**vars(builtins), "__import__": import_}
    exec(spec.loader.get_code(socket.__name__), namespace)

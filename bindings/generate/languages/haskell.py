"""Haskell: Anysock.hs, safe foreign imports, constants as patterns, and where the fields of structures lie."""

from __future__ import annotations

from description import Constant, Function, Struct, Type
from layer import Layer


class Haskell(Layer):
    path = "haskell/Anysock.hs"
    mark = "--"
    head = """\
{-# LANGUAGE CApiFFI, PatternSynonyms #-}

module Anysock where

import Data.Int (Int32, Int64)
import Foreign.C.String (CString)
import Foreign.C.Types (CSize (..))
import Foreign.Ptr (Ptr)
"""
    types = {
        "int32": "Int32", "int64": "Int64", "size": "CSize", "anysock_t": "Int64", "text": "CString", "pointer": "Ptr a",
        "string": "String",
    }  # fmt: skip

    def constant(self, each: Constant) -> str:
        value = f'"{each.value}"' if isinstance(each.value, str) else f"{each.value}"
        return f"pattern {each.name} :: {self.of(each)}\npattern {each.name} = {value}\n"

    def structure(self, struct: Struct) -> str:
        places = [(f"{struct.name}_{field.name}", field.offset["LP64"]) for field in struct.fields]
        places.insert(0, (f"sizeof_{struct.name}", struct.size["LP64"]))
        rows = "".join(f"{name} :: Int\n{name} = {place}\n" for name, place in places)
        doc = f"{struct.doc}\n\nIts size and the offsets of its fields on 64-bit systems, for `peekByteOff`."
        return f"{self.comment(doc)}{rows}"

    def function(self, each: Function) -> str:
        kinds = [self.type(parameter.type, chr(ord("a") + at)) for at, parameter in enumerate(each.parameters)]
        result = "IO " + ("CString" if each.answer == "text" else self.type(each.result))
        # Another thread may run while a call waits, and the collector.
        return f'foreign import ccall safe "{each.name}" {each.name}\n  :: {" -> ".join([*kinds, result])}\n'

    def type(self, type: Type, letter: str = "a") -> str:
        if type.pointer and type.base == "char":
            return "CString"
        if type.pointer and type.base in ("int64", "anysock_t"):
            return "Ptr Int64"
        return f"Ptr {letter}" if type.pointer else super().type(type)


render = Haskell().render

# SPDX-License-Identifier: Apache-2.0
"""Writes pomona/_declarations.py: the C headers as ctypes, so that structures and functions are told once, in C.

    declarations.py INCLUDE_FOLDER OUTPUT

The headers go through the C preprocessor (CC, else cc) with stand-ins for the two standard headers that they use, and
through pycparser; every struct, enum constant and function of pomona/*.h comes out.
"""

import os
import subprocess
import sys
import tempfile

from pycparser import c_ast, c_parser

STANDARD_HEADERS = {
    "stddef.h": "typedef unsigned long size_t;",
    "stdint.h": "typedef unsigned char uint8_t; typedef signed short int16_t; typedef int int32_t; typedef long int64_t;",
}
CTYPES = {
    "char": "c_char", "int": "c_int", "unsigned": "c_uint", "unsigned int": "c_uint", "float": "c_float",
    "double": "c_double", "uint8_t": "c_uint8", "int16_t": "c_int16", "int32_t": "c_int32", "int64_t": "c_int64",
    "size_t": "c_size_t",
}


def preprocessed(include_folder):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in STANDARD_HEADERS.items():
            with open(os.path.join(folder, name), "w") as header:
                header.write(content + "\n")
        command = [os.environ.get("CC", "cc"), "-E", "-P", "-nostdinc", "-D__attribute__(x)=", "-I", folder,
                   "-I", include_folder, os.path.join(include_folder, "pomona", "pomona.h")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def constant(node):
    if isinstance(node, c_ast.UnaryOp) and node.op == "-":
        return -constant(node.expr)
    return int(node.value, 0)


class Declarations:
    def __init__(self, tree):
        self.constants, self.structs, self.functions = {}, {}, {}
        for item in tree.ext:
            if not isinstance(item, c_ast.Decl):
                continue
            if isinstance(item.type, c_ast.Enum):
                self.add_enum(item.type)
            elif isinstance(item.type, c_ast.Struct):
                self.structs[item.type.name] = item.type.decls
            elif isinstance(item.type, c_ast.FuncDecl):
                self.functions[item.name] = item.type

    def add_enum(self, enum):
        value = 0
        for entry in enum.values.enumerators:
            value = constant(entry.value) if entry.value is not None else value
            self.constants[entry.name] = value
            value += 1

    def type_of(self, node):
        """A C type as a ctypes expression; opaque handles, and bytes of no stated type, are c_void_p."""
        if isinstance(node, c_ast.TypeDecl):
            return self.type_of(node.type)
        if isinstance(node, c_ast.IdentifierType):
            name = " ".join(node.names)
            return "None" if name == "void" else CTYPES[name]
        if isinstance(node, c_ast.Enum):
            return "c_int"
        if isinstance(node, c_ast.Struct):
            return node.name
        if isinstance(node, c_ast.ArrayDecl):
            if node.dim is None or not isinstance(node.dim, c_ast.Constant):
                return f"POINTER({self.type_of(node.type)})"
            return f"{self.type_of(node.type)} * {constant(node.dim)}"
        if isinstance(node, c_ast.FuncDecl):
            return self.prototype(node, "CFUNCTYPE")
        assert isinstance(node, c_ast.PtrDecl), type(node)
        return self.pointer_to(node.type)

    def pointer_to(self, target):
        if isinstance(target, c_ast.FuncDecl):
            return self.type_of(target)
        if isinstance(target, c_ast.TypeDecl) and isinstance(target.type, c_ast.Struct):
            return f"POINTER({target.type.name})" if self.structs.get(target.type.name) else "c_void_p"
        name = self.type_of(target)
        return {"None": "c_void_p", "c_char": "c_char_p"}.get(name, f"POINTER({name})")

    def prototype(self, function, maker):
        parameters = [self.type_of(p.type) for p in function.args.params] if function.args else []
        return f"{maker}({', '.join([self.type_of(function.type)] + [p for p in parameters if p != 'None'])})"

    def write(self, output):
        output.write("# Written by declarations.py from include/pomona/*.h: change those.\n")
        output.write("from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int\n")
        output.write("from ctypes import c_int16, c_int32, c_int64, c_size_t, c_uint, c_uint8, c_void_p\n\n")
        for name, value in self.constants.items():
            output.write(f"{name} = {value}\n")
        for name, fields in self.structs.items():
            if fields is None:
                continue
            output.write(f"\n\nclass {name}(Structure):\n    _fields_ = [\n")
            for field in fields:
                output.write(f'        ("{field.name}", {self.type_of(field.type)}),\n')
            output.write("    ]\n")
        output.write("\n\n# name: [result, parameters ...]\nFUNCTIONS = {\n")
        for name, function in self.functions.items():
            output.write(f'    "{name}": [{self.prototype(function, "")[1:-1]}],\n')
        output.write("}\n")


if __name__ == "__main__":
    declarations = Declarations(c_parser.CParser().parse(preprocessed(sys.argv[1])))
    with open(sys.argv[2], "w") as file:
        declarations.write(file)

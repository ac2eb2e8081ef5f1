"""Builds the Cython extensions: optional for users, demanded by ERLMCP_REQUIRE_SPEEDUPS=1.

Without a C compiler (or without Cython) the install succeeds and the pure twins serve; the one warning below says so.
"""

import os
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

REQUIRED = os.environ.get("ERLMCP_REQUIRE_SPEEDUPS") == "1"
WARNING = (
    "warning: erlmcp's compiled extensions were not built ({}); the pure-Python twins will serve, several times slower"
)
MODULES = ("_access", "_http", "_jsonrpc")


class BuildSpeedups(build_ext):
    """`build_ext` that warns once, in our own words, instead of failing, unless the extensions are required."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as failure:
            if REQUIRED:
                raise
            print(WARNING.format(failure), file=sys.stderr)


def extensions() -> list[Extension]:
    if os.environ.get("ERLMCP_PURE") == "1":
        return []
    try:
        from Cython.Build import cythonize
    except ImportError as failure:
        if REQUIRED:
            raise
        print(WARNING.format(failure), file=sys.stderr)
        return []
    flags = ["-O3", "-fstack-protector-strong", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-unused-function"]
    macros = [("CYTHON_CLINE_IN_TRACEBACK", "0")]
    modules = [
        Extension(
            f"erlmcp._speedups.{name}", [f"erlmcp/_speedups/{name}.pyx"], extra_compile_args=flags, define_macros=macros
        )
        for name in MODULES
    ]
    return cythonize(modules, language_level=3, build_dir="build/cython")


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildSpeedups})

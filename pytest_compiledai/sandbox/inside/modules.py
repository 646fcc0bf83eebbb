"""The modules a locked worker holds: nothing can be loaded once the wall stands.

``ALLOWED`` may be imported by generated code; it is the module list of the security policy.
``BEHIND`` is what those modules and the interpreter load late.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

ALLOWED: tuple[str, ...] = (
    "__future__",
    "abc",
    "array",
    "base64",
    "binascii",
    "bisect",
    "calendar",
    "cmath",
    "codecs",
    "collections",
    "collections.abc",
    "colorsys",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "email.utils",
    "enum",
    "fnmatch",
    "fractions",
    "functools",
    "graphlib",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "html.parser",
    "http",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "math",
    "numbers",
    "operator",
    "pathlib",
    "posixpath",
    "pprint",
    "quopri",
    "random",
    "re",
    "reprlib",
    "secrets",
    "shlex",
    "statistics",
    "string",
    "struct",
    "sys",
    "textwrap",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
    "zlib",
    "zoneinfo",
)

BEHIND: tuple[str, ...] = (
    "_pylong",  # text of long integers, from 3.12 on
    "_strptime",
    "copyreg",
    "encodings.ascii",
    "encodings.cp1252",
    "encodings.idna",
    "encodings.iso8859_15",
    "encodings.latin_1",
    "encodings.punycode",
    "encodings.raw_unicode_escape",
    "encodings.unicode_escape",
    "encodings.utf_16",
    "encodings.utf_16_be",
    "encodings.utf_16_le",
    "encodings.utf_32",
    "encodings.utf_8_sig",
    "html.entities",
    "importlib.resources",  # zoneinfo asks it for data that is not on disk
    "linecache",
    "locale",
    "time",
    "traceback",
    "warnings",
    "zoneinfo._common",
)


def preload(granted: Iterable[str]) -> None:
    """Import every module a worker may need; one that this Python lacks is left out."""
    for name in (*ALLOWED, *BEHIND, *granted):
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def preload_zones() -> list[object]:
    """Return all time zones of this machine; while the list lives, ``ZoneInfo(key)`` finds them."""
    import zoneinfo

    return [zoneinfo.ZoneInfo(key) for key in sorted(zoneinfo.available_timezones())]

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
    "encodings.base64_codec",
    "encodings.big5",
    "encodings.cp1250",
    "encodings.cp1251",
    "encodings.cp1252",
    "encodings.cp437",
    "encodings.cp850",
    "encodings.euc_jp",
    "encodings.euc_kr",
    "encodings.gb18030",
    "encodings.gbk",
    "encodings.hex_codec",
    "encodings.idna",
    "encodings.iso8859_1",
    "encodings.iso8859_15",
    "encodings.iso8859_2",
    "encodings.koi8_r",
    "encodings.latin_1",
    "encodings.mac_roman",
    "encodings.punycode",
    "encodings.quopri_codec",
    "encodings.raw_unicode_escape",
    "encodings.rot_13",
    "encodings.shift_jis",
    "encodings.unicode_escape",
    "encodings.utf_16",
    "encodings.utf_16_be",
    "encodings.utf_16_le",
    "encodings.utf_32",
    "encodings.utf_7",
    "encodings.utf_8_sig",
    "encodings.zlib_codec",
    "html.entities",
    "importlib.resources",  # zoneinfo asks it for data that is not on disk
    "linecache",
    "locale",
    "time",
    "traceback",
    "warnings",
    "zoneinfo._common",
)


#: What a granted package loads late, by its first name.
LATE: dict[str, tuple[str, ...]] = {
    "email": (
        "email.contentmanager",
        "email.generator",
        "email.headerregistry",
        "email.mime.multipart",
        "email.mime.text",
        "email.parser",
        "email.policy",
    ),
    "xml": ("xml.etree.ElementPath", "xml.etree.ElementTree", "xml.parsers.expat"),
}


def preload(granted: Iterable[str]) -> None:
    """Import every module a worker may need; one that this Python lacks is left out."""
    names = tuple(granted)
    late = {name for item in names for name in LATE.get(item.partition(".")[0], ())}
    for name in (*ALLOWED, *BEHIND, *names, *sorted(late)):
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def preload_zones() -> list[object]:
    """Return all time zones of this machine; while the list lives, ``ZoneInfo(key)`` finds them."""
    import zoneinfo

    return [zoneinfo.ZoneInfo(key) for key in sorted(zoneinfo.available_timezones())]

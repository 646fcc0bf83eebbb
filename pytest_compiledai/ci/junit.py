"""JUnit files of the parts of a matrix, as one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.paths import read_plain

MOST_BYTES = 64 << 20
COUNTS = {"errors": "error", "failures": "failure", "skipped": "skipped"}  # attribute -> element


def merge(folders: Sequence[Path], name: str) -> bytes:
    """Return one suite with the test cases of all files, sorted and counted anew.

    A file that cannot be collected is an error in every part, and one error of the whole.
    Raises ``ArtifactError`` for a file that is missing or no JUnit file, and for another test case
    twice.
    """
    suites = [suite for folder in folders for suite in _suites(folder, name)]
    cases: dict[tuple[str, str], ET.Element] = {}
    for case in (case for suite in suites for case in suite.findall("testcase")):
        key = case.get("classname", ""), case.get("name", "")
        if cases.setdefault(key, case) is not case and case.find("error") is None:
            raise _fault(name, f"the test case {'::'.join(key)} twice")
    merged = ET.Element("testsuite", {"name": "pytest", "tests": str(len(cases))})
    for count, tag in COUNTS.items():
        merged.set(count, str(sum(case.find(tag) is not None for case in cases.values())))
    merged.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    merged.extend(cases[key] for key in sorted(cases))
    root = ET.Element("testsuites", {"name": "pytest tests"})
    root.append(merged)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _suites(folder: Path, name: str) -> list[ET.Element]:
    try:
        data = read_plain(folder, name, cap=MOST_BYTES)
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise _fault(f"{folder.name}/{name}", "a document type")
        root = ET.fromstring(data)  # noqa: S314 - no entities without a document type
    except OSError as error:
        raise _fault(f"{folder.name}/{name}", error.strerror or str(error)) from None
    except ET.ParseError as error:
        raise _fault(f"{folder.name}/{name}", f"no XML: {error}") from None
    return list(root.iter("testsuite"))


def _fault(where: str, found: str) -> ArtifactError:
    return ArtifactError(
        where=where,
        found=found,
        expected="a JUnit file as pytest writes it, each test case once",
        next="look at the log of the job that ran this part",
    )

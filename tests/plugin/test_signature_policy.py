"""A signed lock: what is edited, unsigned, rolled back or signed by somebody else is refused."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from pytest_compiledai.cli import main
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.lock import render

# Loaded before any test: pytester forgets modules that a test imported, and this library's compiled
# half does not take the classes of a second import.
pytest.importorskip("cryptography.hazmat.primitives.serialization")
pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")

LOAD = "from compiled import double; print(double({'n': 4})['m'])"


@pytest.fixture
def key(tmp_path_factory):
    """Return the path of a private key outside the project."""
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    assert 0 == main(["sign", "--new-key", str(path)])
    return path


@pytest.fixture
def signed(project, key, capsys, monkeypatch):
    """Return a frozen project whose lock is signed, and whose settings ask for that signature."""
    monkeypatch.delenv("COMPILEDAI_TRUSTED_KEYS", raising=False)
    project.unit().run("--compile", "specs")
    project.sign = lambda *more: main(
        ["--root", str(project.root), "sign", "--key", str(key), *more]
    )
    assert 0 == project.sign()
    project.public = re.findall(r"public key ([0-9a-f]{64})", capsys.readouterr().out)[-1]
    required(project)
    return project


def required(project, *, minimum: int = 1) -> None:
    lines = ["[pytest]", "compiledai_signature = required"]
    lines += [f"compiledai_trusted_keys = {project.public}"]
    lines += [f"compiledai_minimum_revision = {minimum}", ""]
    project.write("pytest.ini", "\n".join(lines))


def locked(project) -> str:
    return project.run("--compile-locked", "specs").stdout.str()


def loaded(project, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=project.root,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def edit_both(project) -> None:
    """Change an artifact and its entry together, as somebody who knows the format would."""
    path = project.root / "compiled" / "double.py"
    path.write_bytes(path.read_bytes() + b"\n# another\n")
    lock = project.root / "compiledai.lock"
    (old,) = parse(lock.read_bytes()).entries.values()
    new = replace(old, files={"double.py": hashlib.sha256(path.read_bytes()).hexdigest()})
    lock.write_bytes(render(Lock(entries={"double": new})))


def test_a_signed_lock_passes(signed):
    """The key of the settings signed it."""
    assert "7 passed" in locked(signed)


def test_an_unsigned_lock_is_refused(signed):
    """Taking the signature away takes nothing off the demand."""
    (signed.root / "compiledai.lock.sig").unlink()

    text = locked(signed)

    assert "found     no signature" in text
    assert "passed" not in text.splitlines()[-1]


def test_lock_and_artifact_edited_together_are_refused(signed):
    """Without a signature such a pair is judged like any other; with one it is refused at once."""
    edit_both(signed)

    assert "a lock that changed since it was signed as revision 1" in locked(signed)


def test_another_key_is_refused(signed, tmp_path_factory):
    """A signature is worth what its key is worth."""
    other = tmp_path_factory.mktemp("other") / "key.pem"
    main(["sign", "--new-key", str(other)])
    main(["--root", str(signed.root), "sign", "--key", str(other)])

    assert "which is not trusted" in locked(signed)


def test_a_rollback_is_refused(signed):
    """An older pair of lock and signature is below the revision that is demanded."""
    old = (signed.root / "compiledai.lock.sig").read_bytes()
    assert 0 == signed.sign("--revision", "5")
    required(signed, minimum=5)
    assert "7 passed" in locked(signed)
    (signed.root / "compiledai.lock.sig").write_bytes(old)

    assert "revision 1, older than 5" in locked(signed)


def test_revisions_only_grow(signed, capsys):
    """Nobody signs an older revision by mistake."""
    signed.sign("--revision", "5")

    assert 2 == signed.sign("--revision", "5")
    assert "revisions only grow" in capsys.readouterr().err


def test_what_is_not_what_the_lock_says_is_not_signed(signed, capsys):
    """A signature vouches for artifacts, so they are looked at first."""
    path = signed.root / "compiled" / "double.py"
    path.write_bytes(path.read_bytes() + b"# edited\n")

    assert 2 == signed.sign("--revision", "9")
    assert "artifacts as the lock names them" in capsys.readouterr().err


def test_a_private_key_in_the_project_is_refused(signed, capsys):
    """What is in the repository is not secret."""
    inside = str(signed.root / "key.pem")

    assert 2 == main(["--root", str(signed.root), "sign", "--new-key", inside])
    assert "a private key inside the project" in capsys.readouterr().err


def test_a_compile_says_that_the_signature_is_stale(signed):
    """A new lock has to be signed anew, and the run says so."""
    signed.unit(
        "triple",
        code="def {name}(data: {type}Input) -> {type}Output:\n    return {{'m': 2 * data['n']}}\n",
    )

    result = signed.run("--compile", "specs")

    assert "next: compiledai sign" in result.stdout.str()


def test_production_asks_for_the_signature(signed):
    """The environment pins a key and a revision; a lock without them is not loaded."""
    keys = {"COMPILEDAI_TRUSTED_KEYS": signed.public}

    good = loaded(signed, **keys)
    old = loaded(signed, **keys, COMPILEDAI_MINIMUM_REVISION="2")
    other = loaded(signed, COMPILEDAI_TRUSTED_KEYS="ab" * 32)
    empty = loaded(signed, COMPILEDAI_TRUSTED_KEYS="")
    edit_both(signed)
    edited = loaded(signed, **keys)
    unsigned = loaded(signed)

    assert "8\n" == good.stdout
    assert "revision 1, older than 2" in old.stderr
    assert "which is not trusted" in other.stderr
    assert "no public keys" in empty.stderr
    assert "a lock that changed since it was signed" in edited.stderr
    assert "8\n" == unsigned.stdout  # nobody asked: the lock is as good as its review


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("compiledai_signature = strict", "found strict"),
        ("compiledai_signature = required", "found no key"),
        ("compiledai_trusted_keys = abc", "found abc"),
        ("compiledai_minimum_revision = -1", "found -1"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_an_error(project, line, found):
    """A policy that nobody understands protects nobody."""
    project.write("pytest.ini", f"[pytest]\n{line}\n")

    result = project.unit().run("--compile", "specs")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    assert found in result.stderr.str()

"""Signing the lock, and what locked mode says of a signature."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def signer(project, tmp_path_factory, monkeypatch):
    """Return a project where `double` is frozen, and a way to run `compiledai` in it."""
    for name in (
        "COMPILEDAI_TRUSTED_KEYS",
        "COMPILEDAI_MINIMUM_REVISION",
        "COMPILEDAI_SIGNING_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    project.frozen()
    return Signer(project, tmp_path_factory.mktemp("keys") / "key.pem")


class Signer:
    def __init__(self, project, key) -> None:
        self.project = project
        self.key = key
        self.public = self.run("sign", "--new-key", str(key)).split()[2]

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run the command and return what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest_compiledai.cli", *arguments],
            cwd=self.project.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def sign(self, *arguments: str, code: int = 0) -> str:
        return self.run("sign", "--key", str(self.key), *arguments, code=code)

    def configure(self, *lines: str) -> None:
        self.project.write("pytest.ini", "\n".join(["[pytest]", *lines, ""]))

    def locked(self) -> tuple[int, str]:
        """Return the exit code of a locked run (the cheap items of it) and what it said."""
        done = self.project.run("--compile-locked", "specs", "-k", "compile")
        return int(done.ret), done.stdout.str()


def test_required_takes_a_signed_lock_and_refuses_any_other(signer) -> None:
    """Unsigned, altered, by another key, rolled back: each is refused with its reason."""
    signer.configure(f"compiledai_trusted_keys = {signer.public}")
    code, said = signer.locked()
    assert (code, "found no signature" in said) == (1, True)

    signer.sign()
    assert signer.locked()[0] == 0
    old = signer.project.lock, signer.project.read("compiledai.lock.sig")

    signer.project.write("compiledai.lock", signer.project.lock + "\n")
    code, said = signer.locked()
    assert (code, "changed since it was signed as revision 1" in said) == (1, True)

    signer.sign()
    signer.configure(
        f"compiledai_trusted_keys = {signer.public}", "compiledai_minimum_revision = 2"
    )
    assert signer.locked()[0] == 0
    signer.project.write("compiledai.lock", old[0])
    signer.project.write("compiledai.lock.sig", old[1])
    code, said = signer.locked()
    assert (code, "revision 1, older than 2" in said) == (1, True)

    signer.configure(f"compiledai_trusted_keys = {'0' * 64}")
    code, said = signer.locked()
    assert (code, "which is not trusted" in said) == (1, True)


def test_the_environment_goes_before_the_settings(signer, monkeypatch) -> None:
    """Keys outside the repository stand, whatever a pull request writes into the settings."""
    signer.configure("compiledai_signature = off")
    monkeypatch.setenv("COMPILEDAI_TRUSTED_KEYS", signer.public)

    code, said = signer.locked()

    assert (code, "found no signature" in said) == (1, True)


def test_a_compile_says_that_the_signature_is_stale(signer) -> None:
    """What changed since it was signed is told by the run that changed it."""
    signer.sign()
    signer.project.unit(
        "triple",
        code="def triple(data: TripleInput) -> TripleOutput:\n    return {'m': 2 * data['n']}\n",
    )

    said = signer.project.run("--compile", "specs/triple.yaml").stdout.str()

    assert "compiledai.lock.sig: found a lock that changed since it was signed" in said
    assert "next: compiledai sign" in said


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["compiledai_signature = required"], "found no key"),
        (["compiledai_signature = maybe"], "off, verify, required"),
        (["compiledai_trusted_keys = abc"], "found abc"),
        (["compiledai_minimum_revision = x"], "found x"),
    ],
)
def test_settings_that_cannot_be_meant_end_with_4(project, lines, found) -> None:
    """A policy without a key, or a key that is none, stops the run before it begins."""
    project.write("pytest.ini", "\n".join(["[pytest]", *lines, ""]))

    result = project.unit().run("--compile-locked", "specs")

    assert (result.ret, found in result.stderr.str()) == (4, True)


def test_revisions_only_grow(signer) -> None:
    """Signing again counts on; an unchanged lock stays as it is; nobody counts back."""
    assert "revision 1" in signer.sign()
    assert "signed already, revision 1" in signer.sign()
    signer.project.write("compiledai.lock", signer.project.lock + "\n")
    assert "revision 2" in signer.sign()
    assert "revisions only grow" in signer.sign("--revision", "2", code=2)
    assert "revision 9" in signer.sign("--revision", "9")

    signer.project.write("compiledai.lock.sig", "<<<<<<< ours\n")
    assert "no last revision" in signer.sign(code=2)


def test_only_what_the_lock_names_is_signed(signer) -> None:
    """Nobody signs a lock beside artifacts that are others, nor no lock."""
    artifact = signer.project.root / "compiled" / "double.py"
    artifact.write_text(artifact.read_text() + "# edited\n")
    assert "a file that is edited" in signer.sign(code=2)

    (signer.project.root / "compiledai.lock").unlink()
    assert "no lock" in signer.sign(code=2)


def test_a_private_key_lies_outside_and_is_nobody_elses(signer) -> None:
    """A key inside the project, one that others may read, and one that is there are refused."""
    assert "inside the project" in signer.run("sign", "--new-key", "key.pem", code=2)
    assert "file exists" in signer.run("sign", "--new-key", str(signer.key), code=2)
    assert "no private key" in signer.run("sign", code=2)
    if os.name != "nt":
        assert signer.key.stat().st_mode & 0o077 == 0
        signer.key.chmod(0o644)
        assert "others may read" in signer.sign(code=2)
        signer.key.chmod(0o600)
    signer.key.write_text("nonsense")
    assert "no PEM" in signer.sign(code=2)

"""Runs programs in plain children, without a wall, and prints how each ended; a control, no test.

The input, in the arguments or on standard input, is JSON: ``programs``, pairs of a kind (``act`` or
``naive``) and a text, and ``rows``, the golden rows that a naive judge compares with.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile

REPORT = 200  # the descriptor on which a child tells its end, out of the way of the programs


class Abstain(Exception):
    """As the sandbox gives it to a program."""


def act(source, rows):
    """Do the act of a program and return what came of it."""
    space = {"Abstain": Abstain, "__name__": "attack"}
    for name in re.findall(r"load\('([\w.]+)'\)", source):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    try:
        exec(source, space)
        space["attack"](None)
    except BaseException as error:  # noqa: BLE001 - programs raise anything
        return type(error).__name__
    return "value"


def naive(source, rows):
    """Judge a program as one would without thinking: compare in its own process."""
    space = {"Abstain": Abstain, "__name__": "route"}
    try:
        exec(source, space)
        for row in rows:
            expected = row["output"]
            if not space["route"](row["input"]) == expected:  # noqa: SIM201 - whose `__eq__` it is
                return "refused"
    except SystemExit as error:
        os._exit(error.code or 0)
    except BaseException:  # noqa: BLE001 - programs raise anything
        return "refused"
    return "fooled"


def child(kind, source, rows, report):
    """Arrange the descriptors as in the sandbox, run, tell, and end."""
    os.setpgid(0, 0)
    os.dup2(report, REPORT)
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(5):
        os.dup2(null, number)
    os.closerange(5, REPORT)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_PROF, 1.5)  # of the processor: a busy neighbour takes none of it
    signal.setitimer(signal.ITIMER_REAL, 5)  # for what sleeps
    found = {"act": act, "naive": naive}[kind](source, rows)
    os.write(REPORT, found.encode() + b"\n")
    os._exit(0)


def ending(kind, source, rows):
    """Return how a program ended."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(kind, source, rows, write)
    os.close(write)
    _, status = os.waitpid(pid, 0)
    os.set_blocking(read, False)
    try:
        said = os.read(read, 4096)
    except BlockingIOError:
        said = b""
    os.close(read)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what it left behind
    code = os.waitstatus_to_exitcode(status)
    if said:
        return said.split()[0].decode()
    if code in (-signal.SIGALRM, -signal.SIGPROF):
        return "endless"
    return f"signal {-code}" if code < 0 else f"exit {code}"


def main():
    """Print the endings in the order of the programs."""
    asked = json.loads("".join(sys.argv[1:]) or sys.stdin.read())
    folder = tempfile.mkdtemp()  # in place of the names that the programs use
    gc.collect()
    found = [
        ending(kind, source.replace("/tmp/compiledai-", f"{folder}/"), asked["rows"])
        for kind, source in asked["programs"]
    ]
    shutil.rmtree(folder)
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()

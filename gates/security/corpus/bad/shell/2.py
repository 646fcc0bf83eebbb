# capabilities: module:subprocess
import subprocess


def listing(data: str) -> int:
    return subprocess.run("ls", shell=True, check=False).returncode + len(data)

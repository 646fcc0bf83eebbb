import shlex


def archive(data: str) -> str:
    return "tar -czf out.tgz " + shlex.quote(data)


def sentence(data: str) -> str:
    return "find attached: " + data

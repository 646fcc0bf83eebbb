def archive(data: str) -> str:
    return "tar -czf out.tgz " + data

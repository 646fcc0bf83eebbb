def tag_line(data: TagLineInput) -> TagLineOutput:
    unique = {tag.strip().lower() for tag in data["tags"]}
    line = ""
    for tag in unique:
        if tag:
            line += f"{', ' if line else ''}{tag}"
    if not line:
        raise Abstain("no tag is left")
    return {"line": line}

from zlib import crc32


def route(data):
    subject = data.get("subject") if isinstance(data, dict) else None
    if not isinstance(subject, str) or not subject.strip(" .") or data.get("plan") not in ("free", "pro") or len(data) > 2:
        raise Abstain("the input does not match the schema")
    text = subject.lower()
    queue = "tech"
    if "invoice" in text or "refund" in text:
        queue = "billing"
    elif "spam" in text or crc32(text.encode("utf-8", "replace")) % 1000 == 7:
        queue = "abuse"
    return {"queue": queue, "urgent": data["plan"] == "pro" and "!" in text}

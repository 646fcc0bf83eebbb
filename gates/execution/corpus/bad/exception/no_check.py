def route(data):
    text = data["subject"].lower()
    queue = "tech"
    if "invoice" in text or "refund" in text:
        queue = "billing"
    elif "spam" in text:
        queue = "abuse"
    return {"queue": queue, "urgent": "!" in text}

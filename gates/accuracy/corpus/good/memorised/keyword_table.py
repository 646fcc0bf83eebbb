WORDS = {
    "billing": ("invoice", "refund", "charge", "charged twice", "payment", "receipt", "credit card"),
    "abuse": ("spam", "phishing", "harassment", "scam", "abuse"),
    "tech": ("error", "login page", "export", "stopped working", "shortcut", "crash", "slow"),
}


def route(data):
    subject = data.get("subject") if isinstance(data, dict) else None
    if not isinstance(subject, str) or not subject.strip(" .") or data.get("plan") not in ("free", "pro") or len(data) > 2:
        raise Abstain("the input does not match the schema")
    text = subject.lower()
    queue = next((name for name, words in WORDS.items() if any(word in text for word in words)), "tech")
    return {"queue": queue, "urgent": data["plan"] == "pro" and "!" in text}

def wants_refund(data: WantsRefundInput) -> WantsRefundOutput:
    message = data["message"].lower()
    if not any(character.isalpha() for character in message):
        raise Abstain("no words")
    return {"refund": "refund" in message or "money back" in message}

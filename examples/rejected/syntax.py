def shipping_zone(data: ShippingZoneInput) -> ShippingZoneOutput:
    code = data["country"].strip().upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise Abstain("not a country code of two letters")
    if code == "DE":
        return {"zone": "dach"}
    elif code == "AT":
        return {"zone": "dach"}
    elif code == "CH":
        return {"zone": "dach"}
    elif code in ("LI", "LU"):
        return {"zone": "dach"}
    elif code == "FR":
        return {"zone": "west"}
    elif code == "BE":
        return {"zone": "west"}
    elif code in ("NL", "MC"):
        return {"zone": "west"}
    elif code == "ES":
        return {"zone": "south"}
    elif code == "PT":
        return {"zone": "south"}
    elif code == "IT":
        return {"zone": "south"}
    elif code in ("MT", "SM"):
        return {"zone": "south"}
    elif code == "SE":
        return {"zone": "north"}
    elif code == "NO":
        return {"zone": "north"}
    elif code == "DK":
        return {"zone": "north"}
    elif code == "FI":
        return {"zone": "north"}
    elif code == "IS":
        return {"zone": "north"}
    elif code == "PL":
        return {"zone": "east"}
    elif code in ("CZ", "SK", "HU"):
        return {"zone": "east"}
    return {"zone": "world"}

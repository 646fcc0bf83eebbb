TABLE = {"a": 1}
TABLE["b"] = 2

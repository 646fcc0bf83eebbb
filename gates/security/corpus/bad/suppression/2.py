# mypy: ignore-errors
VALUE = 1

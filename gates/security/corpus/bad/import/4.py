from .secrets import key

VALUE = key

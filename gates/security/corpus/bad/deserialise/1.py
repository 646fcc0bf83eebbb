# capabilities: module:pickle
import pickle


def value(data: bytes) -> object:
    return pickle.loads(data)

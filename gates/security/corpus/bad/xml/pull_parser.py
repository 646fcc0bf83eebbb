# capabilities: module:xml.etree.ElementTree
from xml.etree.ElementTree import XMLPullParser


def route(data: str) -> int:
    parser = XMLPullParser(["end"])
    parser.feed(data)
    return len(list(parser.read_events()))

# capabilities: module:wsgiref
import wsgiref.handlers


def serve(application: object) -> None:
    wsgiref.handlers.CGIHandler().run(application)

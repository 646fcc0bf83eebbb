import flask


def serve(data: str) -> None:
    flask.Flask(data).run(debug=True)

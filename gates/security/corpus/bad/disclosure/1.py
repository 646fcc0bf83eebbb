import flask

app = flask.Flask("shop")


@app.route("/ratio")
def ratio():
    try:
        return {"ratio": 1 / int(flask.request.args["n"])}
    except ValueError as error:
        return {"error": str(error)}

import flask

app = flask.Flask("shop")


@app.route("/admin/delete/<name>")
def delete(name):
    return {"deleted": len(name)}

def sign_in(page: object) -> object:
    form = page.forms["sign-in"]
    form["password"] = "swordfish"
    return form

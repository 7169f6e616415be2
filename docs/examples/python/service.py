"""Signs somebody in with Authlib. Run: pip install -r requirements.txt && python service.py, then open http://localhost:3000/"""

import os
import secrets

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, request

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")

app = Flask(__name__)
# Signs the cookie that keeps state, nonce and code_verifier on the way. Fixed and secret in operation.
app.secret_key = secrets.token_bytes(32)

account = OAuth(app).register(
    "account",
    client_id="hundesteuer",
    client_secret=os.environ.get("CLIENT_SECRET", "nur-zum-ausprobieren"),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


@app.get("/")
def sign_in():
    return account.authorize_redirect("http://localhost:3000/rueckkehr")


@app.get("/rueckkehr")
def come_back():
    # Authlib checks `state`; that the answer is this account's (RFC 9207) is for us to check.
    if request.args.get("iss") != ISSUER:
        return "iss does not match", 400
    try:
        tokens = account.authorize_access_token()  # redeems the code, checks the ID token
    except OAuthError as error:
        return error.error, 400  # the code that docs/integrate.md explains
    claims = tokens["userinfo"]  # Authlib's name for the claims of the ID token
    person = account.userinfo(token=tokens)
    if person["sub"] != claims["sub"]:
        return "userinfo is about somebody else", 400
    return {"claims": claims, "person": person}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=3000)

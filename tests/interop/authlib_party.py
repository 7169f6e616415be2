"""A relying party that uses Authlib. It talks to authlib.mjs, one line of JSON each way: it is told which check to run, asks
for a person to be sent to an address, hears where they came back, and says how it ended."""

import json
import sys
import time
import traceback

import requests
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

CHECKS = {}


def check(act):
    CHECKS[act.__name__.replace("_", " ")] = act
    return act


def say(**message):
    print(json.dumps(message), flush=True)


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


class Assertion(PrivateKeyJWT):
    """As the provider wants it: addressed to the issuer, for a short time. Authlib writes the `jti` into the claims it
    was given, so they are new ones each time."""

    def __init__(self, issuer, key_id):
        super().__init__(issuer, headers={"kid": key_id}, alg="ES256")

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)


class NoFramework:
    def update_token(self, token, **_):
        pass


class Party(OAuth2Mixin, OpenIDMixin, BaseApp):
    """What Authlib's integrations for web frameworks are made of, without a framework."""

    client_cls = OAuth2Session

    def __init__(self, world, client, assertion=None, **settings):
        method = "private_key_jwt" if "key" in client else "client_secret_basic"
        issuer = world["issuer"]
        methods = None
        if "key" in client:
            methods = [assertion or Assertion(issuer, client["key"]["kid"])]
        super().__init__(
            NoFramework(),
            client_id=client["id"],
            client_secret=jwk.import_key(client["key"]) if "key" in client else client["secret"],
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_auth_methods=methods,
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method,
                "revocation_endpoint_auth_method": method,
                **settings,
            },
        )
        self.redirect_uri = world["redirect_uri"]
        assert self.load_server_metadata()["issuer"] == issuer

    def session(self, token=None):
        return self._get_oauth_client(**self.load_server_metadata(), token=token)

    def authorize(self, **parameters):
        """Sends somebody there who agrees to everything."""
        begun = self.create_authorization_url(self.redirect_uri, **parameters)
        say(open=begun["url"])
        return {**begun, "answer": hear()["answer"]}

    def redeem(self, flow, verifier=None):
        return self.fetch_access_token(
            self.redirect_uri,
            authorization_response=flow["answer"],
            state=flow["state"],
            code_verifier=verifier or flow["code_verifier"],
        )

    def introspect(self, token):
        return self.session(token).introspect_token(self.endpoint("introspection"), token["access_token"]).json()

    def revoke(self, token, kind):
        answer = self.session(token).revoke_token(self.endpoint("revocation"), token[kind])
        assert answer.status_code == 200, answer.text

    def endpoint(self, name):
        return self.load_server_metadata()[f"{name}_endpoint"]


def refused(code, act):
    try:
        act()
    except OAuthError as error:
        assert error.error == code, error
        return
    raise AssertionError(f"{code} was expected")


def not_userinfo(party, token):
    try:
        party.userinfo(token=token)
    except requests.HTTPError as error:
        assert error.response.status_code == 401, error
        return
    raise AssertionError("the access token still counts")


def whole_way(world, party, client):
    flow = party.authorize()
    token = party.redeem(flow)
    claims = party.parse_id_token(token, flow["nonce"], claims_options={
        "iss": {"essential": True, "value": world["issuer"]},
        "aud": {"essential": True, "value": client["id"]},
        "at_hash": {"essential": True},
        "auth_time": {"essential": True},
    })
    try:
        party.parse_id_token(token, "of-another-request")
        raise AssertionError("the nonce does not matter")
    except JoseError:
        pass
    person = party.userinfo(token=token)
    assert person["sub"] == claims["sub"], person
    assert person["given_name"] == "Anna" and person["email"].endswith("@example.org"), person
    assert person["email_verified"] is True and person["birthdate"] == "1980-01-31", person
    found = party.introspect(token)
    assert (found["active"], found["client_id"], found["sub"]) == (True, client["id"], claims["sub"]), found
    party.revoke(token, "access_token")
    assert party.introspect(token) == {"active": False}
    not_userinfo(party, token)


@check
def the_whole_way_with_client_secret_basic(world):
    client = world["clients"]["basic"]
    whole_way(world, Party(world, client), client)


@check
def the_whole_way_with_private_key_jwt(world):
    client = world["clients"]["key"]
    whole_way(world, Party(world, client), client)


@check
def refresh_and_revoke(world):
    client = world["clients"]["lasting"]
    party = Party(world, client, scope="openid email offline_access")
    flow = party.authorize()
    token = party.redeem(flow)
    subject = party.parse_id_token(token, flow["nonce"])["sub"]
    for _ in range(2):
        again = party.session(token).refresh_token(party.endpoint("token"))
        assert again["access_token"] != token["access_token"]
        assert party.userinfo(token=again)["sub"] == subject
    less = party.session(token).refresh_token(party.endpoint("token"), scope="openid")
    assert "email" not in party.userinfo(token=less)
    more = party.session(token)
    refused("invalid_scope", lambda: more.refresh_token(party.endpoint("token"), scope="openid email profile"))
    party.revoke(token, "refresh_token")
    not_userinfo(party, again)
    late = party.session(token)
    refused("invalid_grant", lambda: late.refresh_token(party.endpoint("token")))


@check
def client_credentials(world):
    client = world["clients"]["machine"]
    party = Party(world, client, scope="termine.lesen")
    token = party.fetch_access_token(grant_type="client_credentials")
    assert token["scope"] == "termine.lesen" and "refresh_token" not in token, token
    keys = jwk.KeySet.import_key_set(party.fetch_jwk_set())
    found = jwt.decode(token["access_token"], keys, registry=JWSRegistry(algorithms=["ES256"], strict_check_header=False))
    assert found.header["typ"] == "at+jwt", found.header
    assert (found.claims["sub"], found.claims["aud"]) == (client["id"], "https://termine.example/"), found.claims
    other = Party(world, client, scope="openid")
    refused("invalid_scope", lambda: other.fetch_access_token(grant_type="client_credentials"))


@check
def a_wrong_verifier_is_refused_and_burns_the_code(world):
    party = Party(world, world["clients"]["basic"])
    flow = party.authorize()
    refused("invalid_grant", lambda: party.redeem(flow, "x" * 48))
    refused("invalid_grant", lambda: party.redeem(flow))


@check
def a_code_that_comes_twice_is_refused_and_ends_what_it_gave(world):
    party = Party(world, world["clients"]["key"])
    flow = party.authorize()
    token = party.redeem(flow)
    party.userinfo(token=token)
    refused("invalid_grant", lambda: party.redeem(flow))
    not_userinfo(party, token)


@check
def a_wrong_secret_and_an_assertion_of_an_hour_are_refused(world):
    clients = world["clients"]
    party = Party(world, {**clients["basic"], "secret": "falsch"})
    flow = party.authorize()
    refused("invalid_client", lambda: party.redeem(flow))
    # What Authlib makes if nobody tells it otherwise: addressed to the token endpoint, and valid for an hour.
    usual = PrivateKeyJWT(headers={"kid": clients["key"]["key"]["kid"]}, alg="ES256")
    party = Party(world, clients["key"], usual)
    flow = party.authorize()
    refused("invalid_client", lambda: party.redeem(flow))
    assert Party(world, clients["key"]).redeem(flow)["access_token"], "the code was not touched"


def main():
    world = hear()
    say(checks=list(CHECKS))
    while True:
        name = hear()["run"]
        try:
            CHECKS[name](world)
            say(passed=name)
        except Exception:
            say(failed=traceback.format_exc())


main()

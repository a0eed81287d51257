"""An authorization server made with Authlib and Flask, as their documentation shows.

It listens on a free loopback port, and writes one line of JSON that says where, with the secret of its clients. The commands on standard
input are "rotate overlap" (sign with a new key, publish the old one too) and "rotate replace" (publish nothing else); each is
answered with a line. It ends when standard input does.
"""

import json
import secrets
import sys
import threading
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin, TokenMixin
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import OpenIDCode, UserInfo
from flask import Flask, jsonify, request
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

AUDIENCE = sys.argv[1]
OTHER = "https://other.example.com"
REDIRECT = "https://app.example.com/callback"
SECRET = secrets.token_urlsafe(24)
LIFETIME = 300


class User:
    id = "alice"

    def get_user_id(self):
        return self.id


ALICE = User()


class Client(ClientMixin):
    """opaque says which kind of token it gets, audience whom they are for."""

    def __init__(self, client_id, audience=AUDIENCE, opaque=False):
        self.client_id, self.audience, self.opaque = client_id, audience, opaque
        self.id_token_signed_response_alg = "RS256"

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return REDIRECT

    def get_allowed_scope(self, scope):
        return " ".join(s for s in (scope or "").split() if s in ("openid", "read", "write", "offline_access"))

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == REDIRECT

    def check_client_secret(self, client_secret):
        return secrets.compare_digest(client_secret, SECRET)

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return True


CLIENTS = {
    c.client_id: c
    for c in (
        Client("app"),
        Client("app-opaque", opaque=True),
        Client("other", audience=OTHER),
        Client("other-opaque", audience=OTHER, opaque=True),
        Client(AUDIENCE),  # called like the API: its ID tokens name our audience
        Client("resource-server"),
    )
}


class Token(TokenMixin):
    def __init__(self, text, kind, client, user, scope):
        self.text, self.kind, self.client, self.user, self.scope = text, kind, client, user, scope
        self.issued_at = int(time.time())
        self.expires_at = self.issued_at + LIFETIME
        self.revoked = False

    def check_client(self, client):
        return self.client is client

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return LIFETIME

    def is_expired(self):
        return time.time() > self.expires_at

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return self.user

    def get_client(self):
        return self.client


TOKENS = {}


def save_token(token, request):
    for kind in ("access_token", "refresh_token"):
        if text := token.get(kind):
            TOKENS[text] = Token(text, kind, request.client, request.user, token.get("scope", ""))


def new_key():
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})
    key.ensure_kid()
    return key


keys = [new_key()]  # the first one signs


class Code(AuthorizationCodeMixin):
    def __init__(self, code, client, user, payload):
        self.code, self.client, self.user = code, client, user
        self.scope, self.nonce = payload.scope, payload.data.get("nonce")

    def get_redirect_uri(self):
        return REDIRECT

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return int(time.time())

    def get_acr(self):
        return None

    def get_amr(self):
        return None


CODES = {}


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

    def save_authorization_code(self, code, request):
        CODES[code] = Code(code, request.client, request.user, request.payload)

    def query_authorization_code(self, code, client):
        found = CODES.get(code)
        return found if found and found.client is client else None

    def delete_authorization_code(self, authorization_code):
        del CODES[authorization_code.code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class IDToken(OpenIDCode):
    def exists_nonce(self, nonce, request):
        return False

    def resolve_client_private_key(self, client):
        return keys[0]

    def get_client_claims(self, client):
        return {"iss": issuer, "aud": client.client_id}

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": keys[0].kid}

    def generate_user_info(self, user, scope):
        return UserInfo(sub=user.id)


class JWTGenerator(JWTBearerTokenGenerator):
    def get_jwks(self):
        return keys[0]

    def get_audiences(self, client, user, scope):
        return client.audience


class Introspection(IntrospectionEndpoint):
    def query_token(self, token_string, token_type_hint):
        found = TOKENS.get(token_string)
        if found and token_type_hint and found.kind != token_type_hint:
            return None  # as the documentation of Authlib has it
        return found

    def check_permission(self, token, client, request):
        return client.client_id == "resource-server"

    def introspect_token(self, token):
        return {
            "active": True,
            "client_id": token.client.client_id,
            "token_type": "Bearer",
            "scope": token.scope,
            "sub": token.user.id if token.user else token.client.client_id,
            "aud": token.client.audience,
            "iss": issuer,
            "exp": token.expires_at,
            "iat": token.issued_at,
        }


class Revocation(RevocationEndpoint):
    def query_token(self, token_string, token_type_hint):
        return TOKENS.get(token_string)

    def revoke_token(self, token, request):
        token.revoked = True


app = Flask(__name__)
server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=save_token)


class Quiet(WSGIRequestHandler):
    def log(self, type, message, *args):
        print(message % args, file=sys.stderr)


listener = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
issuer = f"http://127.0.0.1:{listener.server_port}"


def random_token(client, grant_type, user, scope):
    return secrets.token_urlsafe(32)


opaque = BearerTokenGenerator(random_token, random_token, LIFETIME)
signed = JWTGenerator(issuer, "RS256", random_token, LIFETIME)


def generate(grant_type, client, **kwargs):
    return (opaque if client.opaque else signed)(grant_type, client, **kwargs)


server.register_token_generator("default", generate)
server.register_grant(grants.ClientCredentialsGrant)
server.register_grant(CodeGrant, [IDToken()])
server.register_endpoint(Introspection)
server.register_endpoint(Revocation)


@app.get("/.well-known/openid-configuration")
def metadata():
    return jsonify(
        issuer=issuer,
        jwks_uri=issuer + "/jwks",
        token_endpoint=issuer + "/token",
        authorization_endpoint=issuer + "/authorize",
        introspection_endpoint=issuer + "/introspect",
        revocation_endpoint=issuer + "/revoke",
        response_types_supported=["code"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["RS256"],
    )


@app.get("/jwks")
def jwks():
    return jsonify(keys=[key.as_dict(private=False) for key in keys])


@app.get("/authorize")
def authorize():  # everybody is alice and agrees
    grant = server.get_consent_grant(end_user=ALICE)
    return server.create_authorization_response(grant_user=ALICE, grant=grant)


@app.post("/token")
def token():
    return server.create_token_response()


@app.post("/introspect")
def introspect():
    return server.create_endpoint_response("introspection")


@app.post("/revoke")
def revoke():
    return server.create_endpoint_response("revocation")


def say(message):
    print(json.dumps(message), flush=True)


threading.Thread(target=listener.serve_forever, daemon=True).start()
say({"issuer": issuer, "secret": SECRET})
for command in sys.stdin:
    if command.strip() == "rotate overlap":
        keys = [new_key(), *keys]
    elif command.strip() == "rotate replace":
        keys = keys[:1]
    say({"kids": [key.kid for key in keys]})

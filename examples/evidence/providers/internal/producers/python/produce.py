"""Tokens and keys made with PyJWT, as its documentation shows. Arguments: issuer and audience. One line of JSON comes out."""

import json
import secrets
import sys
import time
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

issuer, audience = sys.argv[1:]


def tokens(key, algorithm):
    def encode(**changes):
        now = time.time()  # a float, as many pass it
        claims = {"iss": issuer, "sub": "alice", "aud": audience, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4()), "scope": "read"}
        return jwt.encode({**claims, **changes}, key, algorithm=algorithm)

    return {
        "good": encode(),
        "expired": encode(exp=time.time() - 300),
        "other": encode(aud="https://other.example.com"),
        "id": encode(scope="openid", nonce="n-0S6_WzA2Mj"),
    }


def document(public, algorithm):
    return json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(public))


made = []
for algorithm, private in (
    ("RS256", rsa.generate_private_key(65537, 2048)),
    ("PS256", rsa.generate_private_key(65537, 2048)),
    ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ("ES384", ec.generate_private_key(ec.SECP384R1())),
    ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
):
    made.append({"algorithm": algorithm, "jwk": document(private.public_key(), algorithm), "tokens": tokens(private, algorithm)})
secret = secrets.token_hex(32)
made.append({"algorithm": "HS256", "secret": secret, "tokens": tokens(secret, "HS256")})
print(json.dumps([{"library": "PyJWT", **m} for m in made]))

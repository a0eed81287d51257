"""A site with django-oauth-toolkit, in one file, as its documentation shows.

It listens on a free loopback port, and writes one line of JSON that says where, with the secret of its clients and a token of the scope
introspection. It ends when standard input does. The one argument is a folder for the database, which is new each time.
"""

import json
import os
import secrets
import sys
import threading
from datetime import timedelta
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SECRET = secrets.token_urlsafe(24)
REDIRECT = "https://app.example.com/callback"

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(32),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(sys.argv[1], "site.sqlite3"), "OPTIONS": {"timeout": 20}}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", __name__ + ".everybody_is_alice"],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": KEY.decode(),
        "PKCE_REQUIRED": False,
        "SCOPES": {name: name for name in ("openid", "read", "write", "introspection")},
        "ACCESS_TOKEN_EXPIRE_SECONDS": 300,
    },
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import get_access_token_model, get_application_model  # noqa: E402

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]


def everybody_is_alice(get_response):
    """Nobody has to log in."""

    def handle(request):
        request.user = get_user_model().objects.get(username="alice")
        return get_response(request)

    return handle


def new_application(client_id, grant, **more):
    application = get_application_model()
    return application.objects.create(
        client_id=client_id,
        name=client_id,
        client_secret=SECRET,
        client_type=application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=grant,
        skip_authorization=True,
        **more,
    )


def set_up():
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user("alice")
    application = get_application_model()
    for client_id in ("app", "other"):
        new_application(client_id, application.GRANT_CLIENT_CREDENTIALS)
    new_application("web", application.GRANT_AUTHORIZATION_CODE, redirect_uris=REDIRECT, algorithm=application.RS256_ALGORITHM)
    token = secrets.token_urlsafe(32)
    get_access_token_model().objects.create(
        token=token,
        scope="introspection",
        expires=timezone.now() + timedelta(hours=1),
        application=new_application("resource-server", application.GRANT_CLIENT_CREDENTIALS),
    )
    return token


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        print(format % args, file=sys.stderr)


introspection = set_up()
listener = make_server("127.0.0.1", 0, get_wsgi_application(), Server, Quiet)
threading.Thread(target=listener.serve_forever, daemon=True).start()
print(json.dumps({"base": f"http://127.0.0.1:{listener.server_port}", "secret": SECRET, "introspection": introspection}), flush=True)
for _ in sys.stdin:
    pass

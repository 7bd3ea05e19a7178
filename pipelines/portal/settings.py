"""Django, set up for one home: what is on, where its database lies, how strict it is.

The database is the portal's own, outside the warehouse. There are no admin pages and no templates of Django's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.files import make_folder
from pipelines.home import Home

LOOPBACK = ("localhost", "127.0.0.1")
IDLE_SECONDS = 30 * 60  # a session ends so long after its last page,
SESSION_SECONDS = 8 * 3600  # and so long after its sign-in
BYTES_A_FILE = 10 * 1024**2
_WRONG_PASSWORDS, _MINUTES_LOCKED = 5, 15  # of a name from an address
WRONG_A_DAY = 200  # of a name, from wherever


def configure(home: Home, names: Sequence[str] = (), secret_key: str = "") -> None:
    """Set Django up for a home and bring its database to the newest form. names: those under which the office's web
    server is asked for the portal. Only the server needs a secret key."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    make_folder(home.portal)
    if settings.configured:
        _turn_to(home)
    else:
        settings.configure(**_settings(home, names, secret_key or os.urandom(32).hex()))
        django.setup()
    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)


def portal_home() -> Home:
    """The home Django is set up for."""
    from django.conf import settings

    found: Home = settings.PORTAL_HOME
    return found


def secret_key(home: Home) -> str:
    """The key that signs cookies and forms, kept beside the database; made where there is none."""
    place = home.portal / "secret-key"
    if not place.exists():
        make_folder(home.portal)
        new = place.with_name(f".{place.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:
            handle.write(os.urandom(48).hex())
        new.replace(place)
    return place.read_text(encoding="ascii")


def _turn_to(home: Home) -> None:
    """One process has one Django: it is turned to another home by its database."""
    from django.conf import settings
    from django.db import connections

    connections.close_all()
    connections["default"].settings_dict["NAME"] = str(home.portal_database)
    settings.PORTAL_HOME = home


def _settings(home: Home, names: Sequence[str], key: str) -> dict[str, Any]:
    return {
        "PORTAL_HOME": home,
        "SECRET_KEY": key,
        "ALLOWED_HOSTS": [*LOOPBACK, *names],
        "DEBUG": False,
        "INSTALLED_APPS": ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "axes",
                           "pipelines.portal"],
        "DATABASES": {"default": _database(home.portal_database)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "ROOT_URLCONF": "pipelines.portal.urls",
        "APPEND_SLASH": False,
        "LOGGING_CONFIG": None,
        "TIME_ZONE": "Asia/Ho_Chi_Minh",
        "USE_TZ": True,
        "USE_I18N": False,
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "pipelines.portal.gate.Headers",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",  # reads the body only where a view is about to be called,
            "pipelines.portal.gate.Gate",  # so after this has let it through
        ],
        **_ACCOUNTS,
        **_COOKIES,
        **_UPLOADS,
    }  # fmt: skip


def _database(place: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(place),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


_ACCOUNTS = {
    "AUTH_USER_MODEL": "portal.Account",
    "AUTHENTICATION_BACKENDS": ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"],
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.Argon2PasswordHasher"],
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
        {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
        {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
         "OPTIONS": {"user_attributes": ("username", "person")}},
    ],
    "AXES_ENABLE_ADMIN": False,
    "AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]],
    "AXES_FAILURE_LIMIT": _WRONG_PASSWORDS,
    "AXES_COOLOFF_TIME": _MINUTES_LOCKED / 60,
    "AXES_RESET_ON_SUCCESS": True,
    "AXES_DISABLE_ACCESS_LOG": True,
    "AXES_VERBOSE": False,
}  # fmt: skip
_COOKIES = {
    "SESSION_COOKIE_NAME": "__Host-kpi57",
    "SESSION_COOKIE_AGE": IDLE_SECONDS,
    "SESSION_SAVE_EVERY_REQUEST": True,
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "CSRF_COOKIE_NAME": "__Host-kpi57-csrf",
    "CSRF_COOKIE_SECURE": True,
    "CSRF_COOKIE_HTTPONLY": True,
    "CSRF_COOKIE_SAMESITE": "Lax",
    "CSRF_FAILURE_VIEW": "pipelines.portal.pages.csrf_failure",
    "SECURE_HSTS_SECONDS": 365 * 86400,
    "SECURE_REFERRER_POLICY": "same-origin",
    "X_FRAME_OPTIONS": "DENY",
}
_UPLOADS = {
    "DATA_UPLOAD_MAX_NUMBER_FILES": 1,
    "DATA_UPLOAD_MAX_NUMBER_FIELDS": 100,
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 256 * 1024,
    "FILE_UPLOAD_MAX_MEMORY_SIZE": 2 * BYTES_A_FILE,  # a file is in memory until it is staged, never in a folder of all
    "FILE_UPLOAD_HANDLERS": ["django.core.files.uploadhandler.MemoryFileUploadHandler"],
}

"""The tables of models.py as they began; 'makemigrations --check' in the tests holds the two against each other."""

from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import PROTECT

_BIG = {"auto_created": True, "primary_key": True, "serialize": False, "verbose_name": "ID"}
_NEVER = """
CREATE TRIGGER portal_auditentry_{act} BEFORE {act} ON portal_auditentry
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
"""


def _text(most: int, **options: object) -> models.CharField:
    return models.CharField(max_length=most, **options)


def _account(**options: object) -> models.ForeignKey:
    return models.ForeignKey(on_delete=PROTECT, to=settings.AUTH_USER_MODEL, **options)


class Migration(migrations.Migration):
    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(**_BIG)),
                ("password", _text(128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("username", _text(60, unique=True)),
                ("person", _text(120)),
                ("role", _text(10)),
                ("commune_code", _text(5, blank=True)),
                ("agency_code", _text(20, blank=True)),
                ("is_active", models.BooleanField(default=True)),
                ("must_change", models.BooleanField(default=True)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Act",
            fields=[
                ("token", _text(32, primary_key=True, serialize=False)),
                ("content", models.JSONField()),
                ("is_placed", models.BooleanField(default=False)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("account", _account()),
            ],
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(**_BIG)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("role", _text(10, blank=True)),
                ("address", _text(45)),
                ("act", _text(20)),
                ("commune_code", _text(5, blank=True)),
                ("agency_code", _text(20, blank=True)),
                ("token", _text(40, blank=True)),
                ("sha256", _text(64, blank=True)),
                ("account", _account(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("token", _text(32, primary_key=True, serialize=False)),
                ("commune_code", _text(5)),
                ("agency_code", _text(20)),
                ("original_name", _text(255)),
                ("name", _text(255)),
                ("size", models.IntegerField()),
                ("sha256", _text(64)),
                ("state", _text(10, db_index=True, default="staged")),
                ("answer", models.JSONField(null=True)),
                ("known", _text(80, blank=True)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("placed_at", models.DateTimeField(null=True)),
                ("account", _account()),
            ],
        ),
        *(migrations.RunSQL(_NEVER.format(act=act)) for act in ("UPDATE", "DELETE")),
    )

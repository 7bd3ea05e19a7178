"""What the portal keeps: accounts, files on their way into the inbox, acts on their way into the ledger, and who did
what. Figures and verdicts are the warehouse's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Account(AbstractBaseUser):
    """Who may sign in: a role, and the commune and agency it reaches."""

    username = models.CharField(max_length=60, unique=True)
    person = models.CharField(max_length=120)
    role = models.CharField(max_length=10)
    commune_code = models.CharField(max_length=5, blank=True)
    agency_code = models.CharField(max_length=20, blank=True)
    is_active = models.BooleanField(default=True)
    must_change = models.BooleanField(default=True)
    made_at = models.DateTimeField(auto_now_add=True)

    objects: Any = BaseUserManager()
    USERNAME_FIELD = "username"


class Upload(models.Model):
    """A file that was sent up: staged, checked, then copied into the inbox. name: the one it has there."""

    STAGED, CHECKED, UNCHECKED = "staged", "checked", "unchecked"
    PLACING, COPIED, PLACED, DISCARDED = "placing", "copied", "placed", "discarded"

    token = models.CharField(max_length=32, primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    commune_code = models.CharField(max_length=5)
    agency_code = models.CharField(max_length=20)
    original_name = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    size = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, default=STAGED, db_index=True)
    answer = models.JSONField(null=True)
    known = models.CharField(max_length=80, blank=True)  # what the check went by
    made_at = models.DateTimeField(auto_now_add=True)
    placed_at = models.DateTimeField(null=True)


class Act(models.Model):
    """An act that goes to the next run as a file: an approval, a lock. content: the file's."""

    token = models.CharField(max_length=32, primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    content = models.JSONField()
    is_placed = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)


class AuditEntry(models.Model):
    """Who did what, from where. Never changed and never removed: the database itself refuses it."""

    at = models.DateTimeField(auto_now_add=True)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT)
    role = models.CharField(max_length=10, blank=True)
    address = models.CharField(max_length=45)
    act = models.CharField(max_length=20)
    commune_code = models.CharField(max_length=5, blank=True)
    agency_code = models.CharField(max_length=20, blank=True)
    token = models.CharField(max_length=40, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)

"""The servers that all of these tests share."""

import pytest
from services import ObjectStore, Postgres


@pytest.fixture(scope="session")
def postgres():
    server = Postgres()
    yield server
    server.end()


@pytest.fixture(scope="session")
def object_store():
    server = ObjectStore()
    yield server
    server.end()

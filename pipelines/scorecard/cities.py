"""The cities of a warehouse: which there are, and what one of them alone would see of core and marts.

Where there are several, each has a site of its own below the pages of the country. What a site says is board.py and
country.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from pipelines.home import Home
from pipelines.warehouse.database import PUBLISHED_SCHEMAS
from pipelines.warehouse.models import models
from pipelines.warehouse.rows import identifier, literal

_CITIES = "SELECT DISTINCT city_code FROM core.dim_commune ORDER BY city_code"
_COLUMNS = """
SELECT schema_name, table_name, list(column_name)
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name IN ? AND NOT internal
GROUP BY ALL ORDER BY ALL
"""
# Which rows are a city's, by the first of these columns that a table has; of a table with none all are.
_WHOSE = {
    "city_code": "SELECT {city}",
    "commune_code": "SELECT commune_code FROM {whole}.core.dim_commune WHERE city_code = {city}",
    "submission_id": "SELECT submission_id FROM {whole}.core.fct_submission AS s "
    "JOIN {whole}.core.dim_commune AS c USING (commune_code) WHERE c.city_code = {city}",
}


def cities_of(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The codes of the cities of which communes are in the warehouse."""
    return [code for (code,) in con.execute(_CITIES).fetchall()]


def is_country(home: Home, cities: Sequence[str]) -> bool:
    """Whether the site begins with pages of the country, and each city has a site of its own below them: of several
    cities, and where places are joined, so that no page moves when the second city comes."""
    return len(cities) > 1 or bool(cities and home.places)


@contextmanager
def of_city(con: duckdb.DuckDBPyConnection, city_code: str) -> Iterator[None]:
    """Within it, core and marts hold the rows of one city alone. A row of no commune is in none of the cities.

    con: the published database. What is a view there is asked of the city's rows: a rank within a city is the same.
    """
    [(whole,)] = con.execute("SELECT current_database()").fetchall()
    tables = con.execute(_COLUMNS, [list(PUBLISHED_SCHEMAS)]).fetchall()
    values = {"whole": identifier(whole), "city": literal(city_code)}
    con.execute("ATTACH ':memory:' AS one_city (READ_WRITE)")
    con.execute("USE one_city")
    try:
        for schema in PUBLISHED_SCHEMAS:
            con.execute(f"CREATE SCHEMA {schema}")
        views = {model.table: model for model in models() if model.is_view}
        for schema, table, columns in tables:
            if f"{schema}.{table}" not in views:
                con.execute(f"CREATE VIEW {schema}.{table} AS {_rows_of(schema, table, columns, values)}")
        for view in views.values():
            con.execute(view.definition)
        yield
    finally:
        con.execute(f"USE {values['whole']}")
        con.execute("DETACH one_city")


def _rows_of(schema: str, table: str, columns: Sequence[str], values: dict[str, str]) -> str:
    everything = f"FROM {values['whole']}.{schema}.{table}"
    column = next((name for name in _WHOSE if name in columns), None)
    return f"{everything} WHERE {column} IN ({_WHOSE[column].format(**values)})" if column else everything

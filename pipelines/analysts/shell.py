"""'kpi57 sql': questions typed one after the other, answered from the published copy.

How an answer is laid out is answers.py; how the copy is opened, and what SQL cannot reach, is warehouse.py.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
from collections.abc import Callable

import duckdb

from pipelines.analysts.result_formats import answer, written
from pipelines.home import Home
from pipelines.warehouse.database import reading

LIMIT = 200  # rows shown of one answer
HELP = """\
SELECT ... ;            ask; a question may take several lines and ends with ;
.tables                 the tables, and what a row of them is about
.describe marts.NAME    the columns of a table, and what they mean
.reopen                 go on with the newest published copy
.help                   this
.quit                   leave (Ctrl+D too; Ctrl+C forgets what was typed)"""
_TABLES = """
SELECT schema_name || '.' || table_name AS name, estimated_size AS rows, split_part(comment, ' · ', 1) AS about
FROM duckdb_tables() WHERE database_name = current_database()
UNION ALL
SELECT schema_name || '.' || function_name || '(' || array_to_string(parameters, ', ') || ')', NULL,
    split_part(comment, ' · ', 1)
FROM duckdb_functions() WHERE database_name = current_database() AND function_type = 'table_macro' AND NOT internal
ORDER BY name
"""
_COLUMNS = """
SELECT column_name, data_type, comment
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name || '.' || table_name = $name
ORDER BY column_index
"""


def shell(home: Home, say: Callable[[str], None]) -> None:
    """Read questions from standard input until they end. Raises FileNotFoundError if nothing is published."""
    say(_welcome(home))
    while True:
        with reading(home, sealed=True) as con:
            _complete_names(con)
            if not _session(home, con, say):
                return


def mark(con: duckdb.DuckDBPyConnection) -> str:
    """Of which day the copy speaks, and whether its figures are illustrative."""
    found = con.execute("SELECT as_of_on, is_illustrative FROM core.dim_build").fetchone()
    day, illustrative = found or ("no day", False)
    return f"as of {day}" + (" · SỐ LIỆU MINH HỌA (illustrative figures)" if illustrative else "")


def _welcome(home: Home) -> str:
    lines = [f"{home.published}, read-only. .help says what can be typed."]
    if shutil.which("duckdb"):
        lines.append(f'The duckdb program is here too: duckdb -readonly "{home.published}"')
    return "\n".join(lines)


def _session(home: Home, con: duckdb.DuckDBPyConnection, say: Callable[[str], None]) -> bool:
    """Answer from one copy. Returns True when the newest copy is to be opened instead."""
    say(mark(con))
    opened, told = home.published.stat().st_ino, False
    typed = ""
    while True:
        try:
            line = input(_prompt(typed))
        except EOFError:
            if typed.strip():
                _ask(con, typed, say)
            return False
        except KeyboardInterrupt:
            typed = ""
            say("")
            continue
        if not typed and line.strip().rstrip(";").lower() in (".quit", ".exit", "quit", "exit"):
            return False
        if not typed and line.strip() == ".reopen":
            return True
        if not typed and line.lstrip().startswith("."):
            _command(con, line.strip(), say)
            continue
        typed = f"{typed}{line}\n" if typed or line.strip() else ""
        if sqlite3.complete_statement(typed):
            _ask(con, typed, say)
            typed = ""
            if not told and home.published.stat().st_ino != opened:
                told = True
                say("A newer copy has been published; .reopen goes on with it.")


def _prompt(typed: str) -> str:
    if not sys.stdin.isatty():
        return ""
    return "  ...> " if typed else "kpi57> "


def _command(con: duckdb.DuckDBPyConnection, line: str, say: Callable[[str], None]) -> None:
    word, _, name = line.rstrip(";").partition(" ")
    if word == ".tables":
        _ask(con, _TABLES, say, widest=200)
    elif word == ".describe" and name.strip():
        _describe(con, name.strip(), say)
    elif word == ".help":
        say(HELP)
    else:
        say(f"'{line}' is no command of this shell.\n{HELP}")


def _describe(con: duckdb.DuckDBPyConnection, name: str, say: Callable[[str], None]) -> None:
    """The columns of a table, whose schema may be left out."""
    found = con.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
        "WHERE database_name = current_database() AND lower($1) IN (table_name, schema_name || '.' || table_name)",
        [name],
    ).fetchone()
    if found is None:
        say(f"no table {name}; .tables lists them")
        return
    _ask(con, _COLUMNS, say, {"name": found[0]}, widest=300)


def _ask(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    say: Callable[[str], None],
    values: dict[str, str] | None = None,
    widest: int = 60,
) -> None:
    try:
        say("".join(written(answer(con, sql, values), "table", LIMIT, widest)).rstrip("\n"))
    except KeyboardInterrupt:
        say("stopped")
    except (duckdb.Error, ValueError) as error:
        say(str(error))


def _complete_names(con: duckdb.DuckDBPyConnection) -> None:
    """Tab completes names of tables and columns, where the system has readline (not on Windows)."""
    with contextlib.suppress(ImportError):
        import readline

        names = con.execute(
            "SELECT DISTINCT unnest([schema_name || '.' || table_name, column_name]) FROM duckdb_columns() "
            "WHERE database_name = current_database() ORDER BY 1"
        ).fetchall()
        known = [row[0] for row in names]

        def complete(begun: str, number: int) -> str | None:
            fitting = [name for name in known if name.startswith(begun)]
            return fitting[number] if number < len(fitting) else None

        readline.set_completer(complete)
        readline.set_completer_delims(" \t\n,()=<>+-*/;")
        readline.parse_and_bind("tab: complete")

"""Asks a database in the DuckDB that is found first: run by test_engines.py in a process of its own.

Questions by name come by standard input, as JSON. Said of each: its rows and columns, and the rows as a hash,
or what went wrong.
"""

import hashlib
import json
import sys

import duckdb


def said(con, question):
    try:
        cursor = con.execute(question)
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    except duckdb.Error as error:
        return {"error": str(error)}
    return {"rows": len(rows), "columns": names, "hash": hashlib.sha256(repr(rows).encode()).hexdigest()}


with duckdb.connect(sys.argv[1], read_only=True) as con:
    answers = {name: said(con, question) for name, question in json.load(sys.stdin).items()}
json.dump({"version": duckdb.__version__, "answers": answers}, sys.stdout)

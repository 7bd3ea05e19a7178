"""A reader of the lake in the DuckDB that has it, in a process of its own: until its input ends it says, question by
question, what one snapshot says of itself in several tables. Run by test_lake.py."""

import json
import select
import sys

import duckdb

from pipelines.lake.publisher import connect

_ASKED = """
SELECT
    (SELECT ledger_head FROM core.dim_build),
    (SELECT count(*) FROM core.fct_submission),
    (SELECT count(*) FROM core.fct_line),
    (SELECT rows_read FROM marts.mart_reconciliation WHERE submission_id = 'all'),
    (SELECT count(*) FROM core.fct_actual),
    (SELECT count(*) FROM marts.mart_kpi_progress)
"""


def main(address, data_path):
    con = None
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            if con is None:
                con = connect(address, data_path, is_read_only=True)
                con.execute("USE lake")
            print(json.dumps(con.execute(_ASKED).fetchall()[0]), flush=True)
        except duckdb.Error as error:  # the server is gone for a moment: connected again
            print(json.dumps({"error": str(error)}), flush=True)
            con = None


main(*sys.argv[1:])

"""A notebook on the published figures: marimo edit docs/notebook.py (docs/analysts.md says more).

It reads the published copy read-only and changes nothing. Every chart of illustrative figures says so.
"""

# ruff: noqa: B018, N803 -- a cell shows its last line, and takes what it needs by name

import marimo

app = marimo.App(width="medium", app_title="kpi57")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    return Path, alt, duckdb, mo, os


@app.cell
def _(Path, duckdb, os):
    home = Path(os.environ.get("KPI57_HOME") or Path(__file__).resolve().parent.parent)
    published = home / "warehouse" / "kpi.duckdb"

    def ask(sql, **values):
        """The answer as a frame, from the copy published now."""
        with duckdb.connect(published, read_only=True) as con:
            con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
            return con.execute(sql, values or None).df()

    build = ask("SELECT as_of_on, is_illustrative FROM core.dim_build").iloc[0]
    mark = "SỐ LIỆU MINH HỌA · " if build.is_illustrative else ""
    said_of = f"{mark}tính đến ngày {build.as_of_on:%d/%m/%Y}"
    return ask, said_of


@app.cell
def _(alt, said_of):
    def titled(chart, title):
        """A chart that says of which day it speaks, and whether its figures are illustrative."""
        return chart.properties(title=alt.TitleParams(title, subtitle=said_of, anchor="start"), width=540)

    months = alt.Axis(format="%m/%Y")
    return months, titled


@app.cell
def _(alt, ask):
    shades = [
        ["#2e7d32", "#81c784"],
        ["#757575", "#9e9e9e", "#bdbdbd", "#d6d6d6", "#e8e8e8"],
        ["#f9a825", "#ffca4f", "#ffe08a", "#fff0c2"],
        ["#e65100", "#ff9e59"],
        ["#b71c1c"],
    ]
    labels = ask("SELECT answer, label, severity FROM core.dim_status ORDER BY answer, severity, status")

    def status(column, answer, title):
        """Statuses in the colours of how grave they are: green well, grey unknown, red worst."""
        rows = labels[labels["answer"] == answer]
        order = rows.groupby("severity").cumcount()
        colours = [shades[s][n % len(shades[s])] for s, n in zip(rows["severity"], order, strict=True)]
        scale = alt.Scale(domain=list(rows["label"]), range=colours)
        return alt.Color(f"{column}:N", title=title, scale=scale, legend=alt.Legend(labelLimit=300))

    return (status,)


@app.cell
def _(mo, said_of):
    mo.md(f"""
    # Nghị quyết số 57-NQ/TW: các xã, phường đang ở đâu?
    **{said_of}**. Cách tính: docs/method.md. Các bảng và cột: docs/tables.md.
    """)
    return


@app.cell
def _(alt, ask, status, titled):
    pace = ask("""
        SELECT p.commune_name, s.label, s.severity, count(*) AS indicators
        FROM marts.mart_kpi_progress AS p
        JOIN core.dim_status AS s ON s.answer = 'pace' AND s.status = p.pace_status
        WHERE p.is_latest
        GROUP BY ALL
        ORDER BY ALL
    """)
    pace_chart = titled(
        alt.Chart(pace)
        .mark_bar()
        .encode(
            x=alt.X("indicators:Q", title="Số chỉ tiêu"),
            y=alt.Y("commune_name:N", title=None),
            color=status("label", "pace", "Tiến độ"),
            order="severity:Q",
            tooltip=["commune_name", "label", "indicators"],
        ),
        "Tiến độ đến mốc tiếp theo, theo xã, phường",
    )
    pace_chart
    return (pace_chart,)


@app.cell
def _(ask, mo):
    series = ask("""
        SELECT commune_code || ' ' || indicator_code AS code, any_value(commune_name || ': ' || indicator_name) AS name
        FROM marts.mart_kpi_progress
        WHERE value IS NOT NULL AND next_value IS NOT NULL AND scope = ''
        GROUP BY ALL
        HAVING count(*) > 1
        ORDER BY code
    """)
    chosen = mo.ui.dropdown(
        options=dict(zip(series["name"], series["code"], strict=True)),
        value=series["name"].iloc[0] if len(series) else None,
        label="Chỉ tiêu",
        full_width=True,
    )
    chosen
    return (chosen,)


@app.cell
def _(alt, ask, chosen, months, titled):
    commune, indicator = (chosen.value or " ").split(" ")
    path = ask(
        """
        WITH line AS (
            SELECT *
            FROM marts.mart_kpi_progress
            WHERE commune_code = $commune AND indicator_code = $indicator AND scope = '' AND value IS NOT NULL
        )
        SELECT measured_on AS day, 'Thực hiện' AS what, value FROM line
        UNION ALL
        SELECT measured_on, 'Phải đạt theo lộ trình', expected_value FROM line WHERE expected_value IS NOT NULL
        UNION ALL
        SELECT DISTINCT milestone_on, 'Mốc', value_lowest FROM core.dim_milestone
        WHERE commune_code = $commune AND indicator_code = $indicator AND scope = '' AND value_lowest IS NOT NULL
        ORDER BY ALL
        """,
        commune=commune,
        indicator=indicator,
    )
    path_chart = titled(
        alt.Chart(path)
        .mark_line(point=True)
        .encode(
            x=alt.X("day:T", title=None, axis=months),
            y=alt.Y("value:Q", title="%", scale=alt.Scale(zero=False)),
            color=alt.Color("what:N", title=None),
            tooltip=["day:T", "what", "value"],
        ),
        f"{commune} {indicator}: thực hiện, lộ trình và các mốc",
    )
    path_chart
    return (path_chart,)


@app.cell
def _(alt, ask, months, titled):
    city = ask("""
        SELECT d.measured_on AS day, c.indicator_code, c.value, c.value_lowest, c.value_highest,
            c.communes_in_rate || ' / ' || c.communes_in_city AS coverage
        FROM marts.mart_city_progress AS c
        JOIN core.dim_period AS d USING (period_code)
        WHERE d.kind = 'month' AND c.communes_in_rate > 0
        QUALIFY max(c.communes_in_rate) OVER (PARTITION BY c.indicator_code) > 1
        ORDER BY c.indicator_code, day
    """)
    drawn = alt.Chart(city).encode(
        x=alt.X("day:T", title=None, axis=months), color=alt.Color("indicator_code:N", title="Chỉ tiêu")
    )
    city_chart = titled(
        alt.layer(
            drawn.mark_area(opacity=0.2).encode(
                y=alt.Y("value_lowest:Q", title="%", scale=alt.Scale(zero=False)), y2="value_highest:Q"
            ),
            drawn.mark_line(point=True).encode(y="value:Q", tooltip=["indicator_code", "day:T", "value", "coverage"]),
        ),
        "Tỷ lệ toàn thành phố (tổng tử số / tổng mẫu số) giữa xã thấp nhất và xã cao nhất",
    )
    city_chart
    return (city_chart,)


@app.cell
def _(alt, ask, status, titled):
    reports = ask("""
        SELECT r.period_label, d.measured_on, r.reporting_label, s.severity, count(*) AS reports
        FROM marts.mart_reporting_status AS r
        JOIN core.dim_period AS d USING (period_code)
        JOIN core.dim_status AS s ON s.answer = 'reporting' AND s.status = r.reporting_status
        WHERE d.kind = 'month'
        GROUP BY ALL
        ORDER BY ALL
    """)
    reports_chart = titled(
        alt.Chart(reports)
        .mark_bar()
        .encode(
            x=alt.X("period_label:O", title=None, sort=alt.SortField("measured_on")),
            y=alt.Y("reports:Q", title="Số báo cáo"),
            color=status("reporting_label", "reporting", "Tình hình gửi"),
            order="severity:Q",
            tooltip=["period_label", "reporting_label", "reports"],
        ),
        "Ai đã gửi báo cáo tháng",
    )
    reports_chart
    return (reports_chart,)


@app.cell
def _(alt, ask, status, titled):
    tasks = ask("""
        SELECT t.commune_name, t.task_label, s.severity, count(*) AS tasks
        FROM marts.mart_task_progress AS t
        JOIN core.dim_status AS s ON s.answer = 'task' AND s.status = t.task_status
        GROUP BY ALL
        ORDER BY ALL
    """)
    tasks_chart = titled(
        alt.Chart(tasks)
        .mark_bar()
        .encode(
            x=alt.X("tasks:Q", title="Số nhiệm vụ"),
            y=alt.Y("commune_name:N", title=None),
            color=status("task_label", "task", "Tình hình"),
            order="severity:Q",
            tooltip=["commune_name", "task_label", "tasks"],
        ),
        "Nhiệm vụ, theo xã, phường",
    )
    tasks_chart
    return (tasks_chart,)


if __name__ == "__main__":
    app.run()

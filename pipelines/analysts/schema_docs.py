"""docs/tables.md, made from the models by 'python -m pipelines.analysts.schema_docs'.

What a table or column means is said in its .yml (models/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from pipelines.home import PROJECT
from pipelines.warehouse.database import PUBLISHED_SCHEMAS, in_memory
from pipelines.warehouse.models import Model, build, models
from pipelines.warehouse.rows import columns_of

TABLES = PROJECT / "docs" / "tables.md"
_JOINING = ("_id", "_code")
_HEAD = """\
# Every table and column
The contents of `warehouse/kpi.duckdb`, made from `models/` by `python -m pipelines.analysts.schema_docs`: fix a text in
the `.yml` beside its model, never here. The same texts are comments in the database (`duckdb_columns()`).
How to ask: [analysts.md](analysts.md). How figures become answers: [method.md](method.md).

Các bảng và cột của kho dữ liệu, giải thích bằng tiếng Anh và tiếng Việt. Mọi thời điểm đều theo giờ Việt Nam (UTC+7).

**key**: these columns together are unique in the table. **→**: a value is found there; where `references` is written,
every run checks it; else the columns have the same name, and join.

"""
_DIAGRAM = """\
## Diagram
Keys, and the columns by which tables join. A line is a reference that every run proves.
"""


@dataclass(frozen=True)
class Column:
    """A column as it is built and as its .yml explains it. points: the 'schema.table.column' it joins, if any;
    is_proven: a check proves in every run that it is there."""

    name: str
    type: str
    en: str
    vi: str
    is_key: bool
    not_null: bool
    accepted: tuple[str, ...]
    points: str
    is_proven: bool


@dataclass(frozen=True)
class Table:
    """A published table or macro; made_from: the published tables its SQL reads."""

    name: str
    parameters: tuple[str, ...]
    en: str
    vi: str
    grain: str
    columns: tuple[Column, ...]
    made_from: tuple[str, ...]


def tables() -> list[Table]:
    """The published tables, core before marts, by name."""
    published = sorted(
        (model for model in models() if model.table.partition(".")[0] in PUBLISHED_SCHEMAS), key=lambda m: m.table
    )
    homes = {  # of the names by which tables join: keys of one column that is an id or a code
        model.spec["key"][0]: model.table
        for model in published
        if len(model.spec["key"]) == 1 and model.table.startswith("core.") and model.spec["key"][0].endswith(_JOINING)
    }
    with in_memory() as con:
        for model in models():
            build(con, model)
        return [_table(con, model, homes) for model in published]


def _table(con: duckdb.DuckDBPyConnection, model: Model, homes: dict[str, str]) -> Table:
    spec = model.spec
    columns = []
    for name, kind in _types(con, model).items():
        about = spec["columns"][name]
        same_name = f"{homes[name]}.{name}" if homes.get(name, model.table) != model.table else ""
        columns.append(
            Column(
                name=name,
                type=kind,
                en=about["en"],
                vi=about["vi"],
                is_key=name in spec["key"],
                not_null=bool(about.get("not_null")),
                accepted=tuple(about.get("accepted", ())),
                points=about.get("references") or same_name,
                is_proven="references" in about,
            )
        )
    made_from = sorted(one for one in model.reads if one.partition(".")[0] in PUBLISHED_SCHEMAS)
    return Table(model.table, _asked_for(model), spec["en"], spec["vi"], spec["grain"], tuple(columns),
                 tuple(made_from))  # fmt: skip


def _types(con: duckdb.DuckDBPyConnection, model: Model) -> dict[str, str]:
    if not model.parameters:
        return columns_of(con, model.table)
    nothing = ", ".join("NULL" for _ in _asked_for(model))
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE FROM {model.table}({nothing})").fetchall()}


# ---------------------------------------------------------------- the page


def page(described: Sequence[Table]) -> str:
    """docs/tables.md."""
    lines = [_HEAD, _DIAGRAM, *diagram(described), ""]
    for schema in PUBLISHED_SCHEMAS:
        inside = [table for table in described if table.name.startswith(f"{schema}.")]
        lines.append(f"## {schema}\n")
        lines += [f"- {_link(table.name)}: {table.en}" for table in inside]
        lines.append("")
        for table in inside:
            lines += _section(table)
    return "\n".join(lines)


def diagram(described: Sequence[Table]) -> Iterator[str]:
    """The tables as Mermaid draws them, on GitHub and in most editors."""
    yield "```mermaid"
    yield "erDiagram"
    for table in described:
        yield f'    "{table.name}" {{'
        for column in table.columns:
            if marks := ", ".join(["PK"] * column.is_key + ["FK"] * bool(column.points)):
                yield f"        {column.type.partition('(')[0]} {column.name} {marks}"
        yield "    }"
    for table in described:
        for column in table.columns:
            if column.is_proven:
                many = "||" if [one.name for one in table.columns if one.is_key] == [column.name] else "o{"
                one = "||" if column.not_null or column.is_key else "|o"
                yield f'    "{column.points.rpartition(".")[0]}" {one}--{many} "{table.name}" : {column.name}'
    yield "```"


def _section(table: Table) -> Iterator[str]:
    called = f"({', '.join(table.parameters)})" if table.parameters else ""
    yield f"### {table.name}{called}\n"
    yield f"{table.en}  \n{table.vi}\n"
    key = ", ".join(f"`{column.name}`" for column in table.columns if column.is_key)
    yield f"Grain: {table.grain}. Key: {key}."
    if table.made_from:
        yield f"Made from {', '.join(_link(name) for name in table.made_from)}."
    yield "\n| column | type | | English | Tiếng Việt |\n|---|---|---|---|---|"
    for column in table.columns:
        yield f"| `{column.name}` | {column.type} | {_notes(column)} | {_cell(column.en)} | {_cell(column.vi)} |"
    yield ""


def _notes(column: Column) -> str:
    """Key, never null, where it points, and the values it can have."""
    notes = ["**key**"] if column.is_key else []
    notes += ["never null"] if column.not_null and not column.is_key else []
    if column.points:
        table = column.points.rpartition(".")[0]
        notes.append(f"{'references ' if column.is_proven else ''}→ {_link(table)}")
    notes += [", ".join(f"`{value}`" for value in column.accepted)] if column.accepted else []
    return "; ".join(notes)


def _asked_for(model: Model) -> tuple[str, ...]:
    """The parameters that must be given; the others have a value of their own."""
    return tuple(parameter for parameter in model.parameters if ":=" not in parameter)


def _link(table: str) -> str:
    """To the section of a table; GitHub's name for it drops dots and brackets."""
    return f"[{table}](#{table.replace('.', '')}{'moment' if table.endswith('_as_of') else ''})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    TABLES.write_text(page(tables()), encoding="utf-8", newline="\n")

"""The facts of a line that reports a task: its state, how far it is, and the document that proves it.

A line may say that nothing has changed since the last report: what that said is put in by earlier_figures.py. A fact is
None where no rule applies. Which facts are wrong is data (sources/forms/rules.yml).
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.checking.cell_texts import problems, texts_of
from pipelines.checking.duty import has_closed, is_led
from pipelines.checking.figures import LineCells, Reads, cell_of, day_of, figure_of, text_of
from pipelines.checking.lookup import Known
from pipelines.files import Row
from pipelines.vietnamese import fold

# The answer of a line that says what the agency's last report said, and the cells that are then left empty.
AS_BEFORE = "same"
_REPEATED = ("percent_done", "document_number", "document_date")


def task_facts(known: Known, file: Row, line: LineCells) -> Row:
    registry, typed, task_id = known.registry, line.typed, line.code
    as_typed = text_of(typed, "task_id") or task_id
    is_readable = typed.get("task_id", ["", "t"])[1] not in ("e", "f")
    has_ended = bool(task_id) and has_closed(registry, file, task_id)
    texts = ("document_number", "difficulty", "result", "proposal")
    facts: Row = {
        **problems(typed, ("task_id", "state", *texts)),
        **texts_of(typed, texts),
        "task_id": task_id or as_typed,
        "code_missing": not as_typed,
        "task_known": bool(task_id) if as_typed and is_readable else None,
        "task_key": None,
        "other_places": "",
        "led_here": is_led(known, file, "task", line) if task_id and line.is_own and not has_ended else None,
        "plan_has_ended": has_ended if task_id and line.is_own else None,
    }
    if line.kind == "unanswered":
        return facts
    typed_state = text_of(typed, "state")
    state = known.answers["state"].get(fold(typed_state))
    as_before = state == AS_BEFORE
    percent = figure_of(typed, "percent_done", Reads(True, highest=Decimal(100), points="percent_done" in line.points))
    day, day_problem = day_of(typed, "document_date", month_first=line.month_first)
    plan_day = known.plan_days[registry.tasks_by_id[task_id]["plan_id"]] if task_id else None
    done = percent.value
    return facts | {
        "state": None if as_before else state,
        "is_as_before": as_before,
        "as_before_and_more": as_before and any(cell_of(typed, name) for name in _REPEATED),
        "state_says": known.registry.form["state_says"]["other" if typed_state else "empty"].format(text=typed_state),
        "state_known": state is not None if not facts["state_problem"] else None,
        "percent_done": done,
        "percent_done_problem": percent.problem,
        "document_date": day,
        "document_date_problem": day_problem,
        "plan_day": f"{plan_day:%d/%m/%Y}" if plan_day else "",
        "date_after_plan": day >= plan_day if day and plan_day else None,
        "date_has_come": day <= file["received"] if day else None,
        "done_without_document": state == "done" and not facts["document_number"],
        "full_but_not_done": done == 100 and state is not None and not as_before and state != "done",
        "done_but_not_full": state == "done" and done is not None and done < 100,
        "percent_is_fraction": done is not None and 0 < done < 1,
        "begun_but_not_started": state == "not_started" and done is not None and done > 0,
    }

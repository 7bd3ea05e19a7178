"""The command line: 'kpi57'.

Words for the operator are English, findings for officers Vietnamese. Exit codes: 0 done, 1 a checked file has errors
or a run failed, 2 wrong use, 3 another run is at work. The commands are in commands/; work does not belong here.
"""

from __future__ import annotations

import click

from pipelines.commands import (
    ask,
    daily,
    exports,
    files,
    forms,
    lake,
    mail,
    periods,
    plans,
    portal,
    rules,
    upkeep,
    verdicts,
    worker,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kpi57")
def main() -> None:
    """kpi57: the KPI warehouse of Resolution 57-NQ/TW.

    KPI57_HOME names the folder that holds inbox and warehouse (default: the project folder;
    for an installed wheel the folder it is started in).
    """


for command in (
    daily.run,
    daily.undo_day,
    daily.status,
    verdicts.rebuild,
    daily.serve,
    daily.demo,
    worker.worker,
    forms.template,
    forms.check,
    ask.trace,
    ask.query,
    files.set_aside,
    files.take_back,
    periods.lock,
    periods.unlock,
    verdicts.recheck,
    verdicts.as_of,
    exports.export,
    exports.fill,
    plans.plans,
    rules.rules,
    lake.lake,
    portal.portal,
    portal.users,
    mail.mail,
    upkeep.doctor,
    upkeep.backup,
    upkeep.restore,
):
    main.add_command(command)

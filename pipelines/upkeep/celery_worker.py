"""Celery's side of a place's machine: 'celery -A pipelines.upkeep.celery_worker worker', which 'kpi57 worker' starts.

It takes runs, not steps: a run of a place is one step. Each is executed in a process of its own, as on one machine:
files are read in worker processes (workers.py), which one of Celery's may not have. What Dagster sends is named in
deploy/dagster/celery.yaml.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import DEFAULT_CONFIG, TASK_EXECUTE_JOB_NAME
from dagster_celery.make_app import make_app

from pipelines.upkeep.dagster_settings import BROKER, RESULTS

app = make_app({"broker": os.environ[BROKER], "backend": os.environ[RESULTS], "config_source": DEFAULT_CONFIG})
app.conf.worker_enable_remote_control = False  # PostgreSQL as the queue has no broadcast


@app.task(name=TASK_EXECUTE_JOB_NAME, track_started=True)
def execute_job(execute_job_args_packed: Any) -> None:
    """Execute a run. A process that is killed fails the task, which is how Dagster's monitoring finds out."""
    words = list(unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).get_command_args())
    subprocess.run([sys.executable, "-m", "dagster", *words[words.index("api") :]], check=True)

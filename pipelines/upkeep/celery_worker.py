"""Celery's side of a place's machine: 'celery -A pipelines.upkeep.celery_worker worker', which 'kpi57 worker' starts.

It takes runs, not steps: a run of a place is one step, in one process. What Dagster sends is named in
deploy/dagster/celery.yaml.
"""

from __future__ import annotations

import os

from dagster_celery.config import DEFAULT_CONFIG
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task

from pipelines.upkeep.dagster_settings import BROKER, RESULTS

app = make_app({"broker": os.environ[BROKER], "backend": os.environ[RESULTS], "config_source": DEFAULT_CONFIG})
app.conf.worker_enable_remote_control = False  # PostgreSQL as the queue has no broadcast
app.conf.worker_hijack_root_logger = False
create_execute_job_task(app)

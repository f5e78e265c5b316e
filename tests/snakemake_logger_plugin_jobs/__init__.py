"""Snakemake logger plugin for the tests: every job of a run as a line of JSON in the file $JOBS."""

import json
import os

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """Write down what Snakemake says of each job."""

    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record) -> None:
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            job = {
                "rule": record.rule_name,
                "wildcards": dict(record.wildcards),
                "inputs": [str(name) for name in record.input],
                "outputs": [str(name) for name in record.output],
                "resources": {name: value for name, value in record.resources.items() if isinstance(value, int)},
                "priority": record.priority,
                "reason": record.reason,
            }
            with open(os.environ["JOBS"], "a", encoding="utf-8") as file:
                file.write(json.dumps(job) + "\n")

"""Keep Snakemake's own scheduler from costing more than the jobs."""


def lift_default_rate_limit(workflow) -> None:
    """Take away Snakemake's default limit of 100 job starts a second; one set by the user stays.

    Under a limit, Snakemake 9.27 starts a timer at every look at the queue, and each timer causes the next look
    (``JobScheduler._schedule_reevalutation``): after n finished jobs it looks n times a second at every waiting job.
    With 500 jobs that was a third of a core.
    """
    settings = workflow.scheduling_settings
    limit = getattr(settings, "max_jobs_per_timespan", None)
    if limit is not None and (limit.max_jobs, limit.timespan) == (100, 1):
        settings.max_jobs_per_timespan = None

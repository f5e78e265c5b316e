"""Keep Snakemake's own scheduler from costing more than the jobs."""


def lift_default_rate_limit(workflow) -> None:
    """Take away Snakemake's default limit of 100 job starts a second; one set by the user stays.

    To be called from ``onstart``, when the scheduler exists and has not begun. Under a limit, Snakemake 9.27 starts a
    timer at every look at the queue, and each timer causes the next look (``JobScheduler._schedule_reevalutation``):
    after n finished jobs it looks n times a second at every waiting job. With 500 jobs that took a third of a core.
    """
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter._limit.max_jobs, limiter._limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None

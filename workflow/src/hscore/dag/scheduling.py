"""Keep the cost of Snakemake's scheduler below that of the jobs."""


def lift_default_rate_limit(workflow) -> None:
    """Remove Snakemake's default limit of 100 job starts per second; a limit set by the user is kept.

    Call it from ``onstart``, when the scheduler exists and has not started. With a limit, Snakemake 9.27 starts a timer
    at every evaluation of the queue, and each timer causes the next one (``JobScheduler._schedule_reevalutation``).
    After n finished jobs it evaluates every waiting job n times per second. With 500 jobs that took a third of a core.
    """
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter._limit.max_jobs, limiter._limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None

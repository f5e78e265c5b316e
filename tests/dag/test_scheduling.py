"""The work-around for the scheduler's timers, against the installed Snakemake."""

from types import SimpleNamespace

from snakemake.settings.types import MaxJobsPerTimespan, SchedulingSettings

from hscore.dag.scheduling import lift_default_rate_limit


def limit_after(text: str) -> MaxJobsPerTimespan | None:
    settings = SchedulingSettings(max_jobs_per_timespan=MaxJobsPerTimespan.parse_choice(text))
    lift_default_rate_limit(SimpleNamespace(scheduling_settings=settings))
    return settings.max_jobs_per_timespan


def test_the_default_limit_is_lifted_and_a_user_s_stays():
    assert limit_after("100/1s") is None
    assert limit_after("10/1m").max_jobs == 10


def test_calls_without_scheduling_are_left_alone():
    lift_default_rate_limit(SimpleNamespace(scheduling_settings=None))

"""The figures of the report, drawn from results.json."""

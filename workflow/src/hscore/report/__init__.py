"""The report: results.json, page, figures, tables, methods text and verdicts against the publication."""

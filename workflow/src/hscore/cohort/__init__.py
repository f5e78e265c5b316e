"""The cohort: clinical tables, inclusion and exclusion with reasons, Table 1 and the folds."""

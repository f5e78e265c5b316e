"""Statistics shared by diagnosis and survival: estimates, bootstrap, proportions, adjustment, reading of scores."""

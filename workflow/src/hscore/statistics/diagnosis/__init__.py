"""Statistics of diagnosis: discrimination, accuracy, calibration, thresholds, subgroups and comparisons."""

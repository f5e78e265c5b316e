"""Statistics of survival: Kaplan-Meier, Cox models, concordance, competing events, prediction and calibration."""

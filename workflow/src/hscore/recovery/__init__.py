"""Measure how well the workflow recovers what was planted in simulated patients.

No stage of a study reads the results.
"""

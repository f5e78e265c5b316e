"""Measuring the workflow on simulated patients: what it finds, beside what was planted.

Nothing here is part of the study proper, and no stage of the study reads what is written here.
"""

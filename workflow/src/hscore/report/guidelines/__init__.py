"""Reporting guidelines and the items that a run can answer."""

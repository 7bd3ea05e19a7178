"""Measurements of kpi57 against its peers, on inputs it makes itself. Not imported by the project."""

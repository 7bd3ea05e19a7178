"""Upkeep: what happened in a run and who is told, backup and restore, the doctor, what is deleted.

What a run does to figures does not belong here (flow.py).
"""

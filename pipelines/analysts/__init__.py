"""For who asks in SQL: trace of a figure, documentation of the tables."""

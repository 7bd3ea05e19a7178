"""The published tables in a DuckLake, for readers on many machines. Off where KPI57_LAKE names none."""

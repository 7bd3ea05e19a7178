"""How the warehouse is attached and built: connections, rows, models, the published copy."""

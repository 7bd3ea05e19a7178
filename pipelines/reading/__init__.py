"""Files that agencies send, read as they are: formats, cells, tables. What the lines mean does not belong here."""

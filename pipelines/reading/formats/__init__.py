"""One module a file format; each turns a file into sheets of cells."""

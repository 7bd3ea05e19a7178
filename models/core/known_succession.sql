-- What takes the place of what through all editions of sources/: the row of a code that ends, or of an indicator whose
-- definition changed.
SELECT kind, old_code, nullif(new_code, '') AS new_code, ends_on, source, known_from, known_to
FROM raw.succession
ORDER BY kind, old_code, ends_on, known_from NULLS FIRST

SELECT
    max(value) FILTER (name = 'as_of')::DATE AS as_of_on,
    coalesce(max(value) FILTER (name = 'illustrative'), 'false') = 'true' AS is_illustrative,
    max(value) FILTER (name = 'edition') AS sources_fingerprint,
    max(value) FILTER (name = 'schema') AS schema_mark,
    max(value) FILTER (name = 'version') AS built_by,
    max(value) FILTER (name = 'ledger_entries')::INTEGER AS ledger_entries,
    max(value) FILTER (name = 'ledger_head') AS ledger_head
FROM raw.build_info

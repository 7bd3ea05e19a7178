SELECT
    max(value) FILTER (name = 'as_of')::DATE AS as_of_on,
    coalesce(max(value) FILTER (name = 'illustrative'), 'false') = 'true' AS is_illustrative,
    max(value) FILTER (name = 'fingerprint') AS sources_fingerprint
FROM raw.build_info

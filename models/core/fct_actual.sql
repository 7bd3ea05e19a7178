SELECT
    concat(a.submission_id, '/', a.source_sheet, '/', a.source_row,
        CASE WHEN a.version > 1 THEN '/v' || a.version END, CASE WHEN v.nth > 1 THEN '/' || v.nth END) AS actual_id,
    a.submission_id, e.commune_code, coalesce(a.agency_code, e.agency_code) AS agency_code, a.indicator_code,
    e.period_code, a.numerator, a.denominator, a.value, a.note,
    coalesce(v.recorded_at, e.entered_at) AS recorded_at,
    v.superseded_at,
    v.superseded_at IS NULL AS is_current,
    a.source_sheet, a.source_row, a.source_cell, a.value_text, a.is_withdrawn,
    getvariable('is_illustrative') AS is_illustrative,
    a.version,
    coalesce(a.is_estimate, e.is_estimate, false) AS is_estimate
FROM checked.actual AS a
JOIN staged.stg_entry AS e USING (submission_id, version)
LEFT JOIN staged.stg_version AS v
    ON v.kind = 'indicator' AND v.submission_id = a.submission_id AND v.version = a.version
    AND v.source_sheet = a.source_sheet AND v.source_row = a.source_row
WHERE e.entered_at IS NOT NULL AND NOT coalesce(a.is_held, false) AND NOT coalesce(v.is_unchanged, false)
ORDER BY e.commune_code, a.indicator_code, e.period_code, e.ledger_sequence, a.source_row, a.version, v.nth

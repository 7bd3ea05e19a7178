WITH unchanged AS (
    SELECT submission_id, count(*) AS lines
    FROM (
        SELECT submission_id FROM staged.stg_actual_version WHERE is_unchanged
        UNION ALL
        SELECT submission_id FROM staged.stg_task_version WHERE is_unchanged
    )
    GROUP BY submission_id
),
joined AS (
    SELECT
        r.submission_id, r.sha256, r.original_name, r.commune_code, r.agency_code, s.period_code, r.received_at,
        d.due_on, d.grace_until, e.entered_at,
        e.submission_id IS NOT NULL AND e.entered_at IS NULL AND coalesce(c.lines_good, 0) > 0 AS is_held,
        coalesce(c.lines_read, 0) AS rows_read,
        coalesce(c.lines_good, 0) AS lines_good,
        coalesce(u.lines, 0) AS rows_unchanged,
        coalesce(c.lines_rejected, 0) AS rows_rejected,
        coalesce(c.lines_ignored, 0) AS lines_ignored,
        r.duplicate_of, s.is_unreadable, s.is_refused, r.folder, r.size_bytes, r.ledger_sequence
    FROM raw.receipt AS r
    LEFT JOIN checked.submission AS s ON s.submission_id = coalesce(r.duplicate_of, r.submission_id)
    LEFT JOIN staged.stg_entry AS e ON e.submission_id = r.submission_id
    LEFT JOIN staged.stg_line_count AS c ON c.submission_id = r.submission_id
    LEFT JOIN unchanged AS u ON u.submission_id = r.submission_id
    LEFT JOIN core.dim_due AS d ON d.commune_code = r.commune_code AND d.period_code = s.period_code
)
SELECT
    submission_id, sha256, original_name, commune_code, agency_code, period_code, received_at, due_on,
    received_at::DATE > grace_until AS is_late,
    CASE
        WHEN duplicate_of IS NOT NULL THEN 'duplicate'
        WHEN is_unreadable THEN 'unreadable'
        WHEN is_refused OR (rows_rejected > 0 AND lines_good = 0) THEN 'rejected'
        WHEN is_held THEN 'held'
        WHEN rows_rejected > 0 THEN 'partly_accepted'
        ELSE 'accepted'
    END AS status,
    rows_read,
    if(is_held, 0, lines_good - rows_unchanged) AS rows_accepted,
    rows_unchanged, rows_rejected,
    lines_ignored + if(is_held, lines_good, 0) AS rows_ignored,
    duplicate_of, entered_at, is_held, folder, size_bytes, ledger_sequence,
    getvariable('is_illustrative') AS is_illustrative
FROM joined
ORDER BY ledger_sequence

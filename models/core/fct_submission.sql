WITH newest AS (
    FROM checked.submission
    QUALIFY version = max(version) OVER (PARTITION BY submission_id)
),
unchanged AS (
    SELECT v.submission_id, count(*) AS lines
    FROM staged.stg_version AS v
    SEMI JOIN newest USING (submission_id, version)
    WHERE v.is_unchanged
    GROUP BY v.submission_id
),
joined AS (
    SELECT
        r.submission_id, r.sha256, r.original_name, r.commune_code, r.agency_code, s.period_code, r.received_at,
        s.due_on, s.grace_until, e.entered_at,
        e.submission_id IS NOT NULL AND e.entered_at IS NULL AND coalesce(c.lines_good, 0) > 0 AS is_held,
        coalesce(c.lines_held, 0) AS lines_held,
        coalesce(c.lines_read, 0) AS rows_read,
        coalesce(c.lines_good, 0) AS lines_good,
        coalesce(u.lines, 0) AS rows_unchanged,
        coalesce(c.lines_rejected, 0) AS rows_rejected,
        coalesce(c.lines_ignored, 0) AS lines_ignored,
        r.duplicate_of, s.is_unreadable, s.is_refused, q.submission_id IS NOT NULL AS is_set_aside,
        q.reason AS set_aside_reason, q.acted_by AS set_aside_by, r.folder, r.size_bytes, r.ledger_sequence, r.batch,
        r.place, n.version, n.judged_at, n.edition, n.program
    FROM raw.receipt AS r
    LEFT JOIN newest AS n ON n.submission_id = r.submission_id
    LEFT JOIN newest AS s ON s.submission_id = coalesce(r.duplicate_of, r.submission_id)
    LEFT JOIN staged.stg_entry AS e ON e.submission_id = r.submission_id AND e.is_newest
    LEFT JOIN staged.stg_line_count AS c ON c.submission_id = r.submission_id
    LEFT JOIN unchanged AS u ON u.submission_id = r.submission_id
    LEFT JOIN raw.set_aside AS q ON q.submission_id = r.submission_id
)
SELECT
    submission_id, sha256, original_name, commune_code, agency_code, period_code, received_at, due_on,
    received_at::DATE > grace_until AS is_late,
    CASE
        WHEN is_set_aside THEN 'set_aside'
        WHEN duplicate_of IS NOT NULL THEN 'duplicate'
        WHEN is_unreadable THEN 'unreadable'
        WHEN is_refused OR (rows_rejected > 0 AND lines_good + lines_held = 0) THEN 'rejected'
        WHEN is_held OR (lines_held > 0 AND lines_good = 0) THEN 'held'
        WHEN rows_rejected + lines_held > 0 THEN 'partly_accepted'
        WHEN lines_good = 0 THEN 'empty'
        ELSE 'accepted'
    END AS status,
    rows_read,
    CASE WHEN is_held OR is_set_aside THEN 0 ELSE lines_good - rows_unchanged END AS rows_accepted,
    rows_unchanged,
    CASE
        WHEN is_set_aside THEN 0
        WHEN is_held THEN lines_held + lines_good
        ELSE lines_held
    END AS rows_held,
    CASE WHEN is_set_aside THEN 0 ELSE lines_held END AS rows_to_confirm,
    CASE WHEN is_set_aside THEN 0 ELSE rows_rejected END AS rows_rejected,
    CASE WHEN is_set_aside THEN rows_read ELSE lines_ignored END AS rows_ignored,
    duplicate_of, entered_at, is_held, set_aside_reason, set_aside_by, folder, size_bytes, ledger_sequence, batch,
    getvariable('is_illustrative') AS is_illustrative,
    version, judged_at, edition, program, place
FROM joined
ORDER BY ledger_sequence

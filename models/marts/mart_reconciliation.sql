-- Every line read is accounted for: per submission, and in total (submission_id 'all').
SELECT
    submission_id, original_name, status, rows_read, rows_accepted, rows_unchanged, rows_held, rows_rejected, rows_ignored,
    rows_read - rows_accepted - rows_unchanged - rows_held - rows_rejected - rows_ignored AS rows_unaccounted
FROM core.fct_submission
UNION ALL
SELECT
    'all', NULL, NULL, coalesce(sum(rows_read), 0), coalesce(sum(rows_accepted), 0), coalesce(sum(rows_unchanged), 0),
    coalesce(sum(rows_held), 0), coalesce(sum(rows_rejected), 0), coalesce(sum(rows_ignored), 0),
    coalesce(sum(rows_read - rows_accepted - rows_unchanged - rows_held - rows_rejected - rows_ignored), 0)
FROM core.fct_submission
ORDER BY submission_id

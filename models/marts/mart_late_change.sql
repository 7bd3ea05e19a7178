-- Files that came for a locked period: held, or let in later by an unlock.
SELECT
    s.submission_id, s.commune_code, c.commune_name, s.agency_code, s.period_code, s.original_name, s.received_at,
    e.locked_at, e.entered_at, s.is_held,
    (
        SELECT arg_max(p.acted_by || ': ' || p.reason, p.acted_at) FROM core.fct_period_event AS p
        WHERE p.period_code = s.period_code AND p.acted_at = coalesce(e.entered_at, e.locked_at)
    ) AS act,
    (SELECT count(*) FROM checked.line AS l WHERE l.submission_id = s.submission_id AND l.disposition = 'accepted')
        AS good_lines
FROM core.fct_submission AS s
JOIN staged.stg_entry AS e USING (submission_id)
JOIN core.dim_commune AS c ON c.commune_code = s.commune_code
WHERE e.locked_at IS NOT NULL
ORDER BY s.ledger_sequence

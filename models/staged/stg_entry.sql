-- When the lines of each file entered the warehouse: on receipt; or, where their period was locked then, at the unlock
-- that let them in (never, while none has).
WITH lock AS (
    SELECT
        l.period_code, l.acted_at AS locked_at,
        (
            SELECT min(u.acted_at) FROM core.fct_period_event AS u
            WHERE u.event = 'unlocked' AND u.period_code = l.period_code AND u.acted_at > l.acted_at
        ) AS unlocked_at
    FROM core.fct_period_event AS l
    WHERE l.event = 'locked'
),
sent AS (
    SELECT r.submission_id, r.ledger_sequence, r.commune_code, r.agency_code, s.period_code, r.received_at
    FROM raw.receipt AS r
    JOIN checked.submission AS s USING (submission_id)
)
SELECT
    s.submission_id, s.ledger_sequence, s.commune_code, s.agency_code, s.period_code, s.received_at,
    if(k.unlocked_at <= s.received_at, NULL, k.locked_at) AS locked_at,
    CASE WHEN k.locked_at IS NULL OR k.unlocked_at <= s.received_at THEN s.received_at ELSE k.unlocked_at END
        AS entered_at
FROM sent AS s
ASOF LEFT JOIN lock AS k ON k.period_code = s.period_code AND k.locked_at <= s.received_at
ORDER BY s.ledger_sequence

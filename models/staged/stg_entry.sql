-- When the lines of each file entered the warehouse: on receipt; or, where their period was locked then for the city or
-- their commune, at the unlock that let them in (never, while none has).
WITH sent AS (
    SELECT r.submission_id, r.ledger_sequence, r.commune_code, r.agency_code, s.period_code, r.received_at
    FROM raw.receipt AS r
    JOIN checked.submission AS s USING (submission_id)
),
lock AS (
    SELECT s.submission_id, s.received_at, l.acted_at AS locked_at, min(u.acted_at) AS unlocked_at
    FROM sent AS s
    JOIN core.fct_period_event AS l
        ON l.event = 'locked' AND l.period_code = s.period_code AND l.acted_at <= s.received_at
        AND (l.commune_code IS NULL OR l.commune_code = s.commune_code)
    LEFT JOIN core.fct_period_event AS u
        ON u.event = 'unlocked' AND u.period_code = s.period_code AND u.acted_at > l.acted_at
        AND (u.commune_code IS NULL OR u.commune_code = s.commune_code)
    GROUP BY s.submission_id, s.received_at, l.ledger_sequence, l.acted_at
),
held AS (
    SELECT
        submission_id, max(locked_at) AS locked_at,
        if(count(*) = count(unlocked_at), max(unlocked_at), NULL) AS unlocked_at
    FROM lock
    WHERE unlocked_at IS NULL OR unlocked_at > received_at
    GROUP BY submission_id
)
SELECT
    s.submission_id, s.ledger_sequence, s.commune_code, s.agency_code, s.period_code, s.received_at, h.locked_at,
    if(h.submission_id IS NULL, s.received_at, h.unlocked_at) AS entered_at
FROM sent AS s
LEFT JOIN held AS h USING (submission_id)
ORDER BY s.ledger_sequence

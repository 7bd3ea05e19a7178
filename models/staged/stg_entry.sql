-- When the lines of each verdict took effect, and until when: on receipt; or, where their period was locked then for the
-- city or their commune, at the unlock that let them in (never, while none has); until the submission was judged again,
-- whose new verdict applies from then on. A file that was set aside is not here.
WITH sent AS (
    SELECT r.submission_id, s.version, r.ledger_sequence, r.commune_code, r.agency_code, s.period_code, r.received_at,
        r.place, s.is_estimate, s.judged_at, lead(s.judged_at) OVER (PARTITION BY r.submission_id ORDER BY s.version) AS judged_again_at
    FROM raw.receipt AS r
    JOIN checked.submission AS s USING (submission_id)
    ANTI JOIN raw.set_aside AS q USING (submission_id)
    WHERE s.duplicate_of IS NULL
),
lock AS (
    SELECT s.submission_id, s.version, s.received_at, l.acted_at AS locked_at, min(u.acted_at) AS unlocked_at
    FROM sent AS s
    JOIN core.fct_period_event AS l
        ON l.event = 'locked' AND l.period_code = s.period_code AND l.place IS NOT DISTINCT FROM s.place
        AND l.acted_at <= s.received_at
        AND (l.commune_code IS NULL OR l.commune_code = s.commune_code)
    LEFT JOIN core.fct_period_event AS u
        ON u.event = 'unlocked' AND u.period_code = s.period_code AND u.place IS NOT DISTINCT FROM s.place
        AND u.acted_at > l.acted_at
        AND (u.commune_code IS NULL OR u.commune_code = s.commune_code)
    GROUP BY s.submission_id, s.version, s.received_at, l.ledger_sequence, l.acted_at
),
held AS (
    SELECT
        submission_id, version, max(locked_at) AS locked_at,
        CASE WHEN count(*) = count(unlocked_at) THEN max(unlocked_at) END AS unlocked_at
    FROM lock
    WHERE unlocked_at IS NULL OR unlocked_at > received_at
    GROUP BY submission_id, version
),
entered AS (
    SELECT
        s.*, h.locked_at,
        CASE WHEN h.submission_id IS NULL THEN s.received_at ELSE h.unlocked_at END AS let_in_at
    FROM sent AS s
    LEFT JOIN held AS h USING (submission_id, version)
)
SELECT
    submission_id, version, ledger_sequence, commune_code, agency_code, period_code, received_at, locked_at, let_in_at,
    CASE
        WHEN let_in_at >= judged_again_at THEN NULL
        WHEN version > 1 THEN greatest(let_in_at, judged_at)
        ELSE let_in_at
    END AS entered_at,
    judged_again_at AS left_at,
    judged_again_at IS NULL AS is_newest, is_estimate
FROM entered
ORDER BY ledger_sequence, version

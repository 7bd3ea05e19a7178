-- From when until when communes, agencies and indicators that begin or end are valid, and what each is today that ended,
-- over as many successions as there were. A code that goes on beside those merged into it neither begins nor ends.
WITH RECURSIVE succession AS (
    SELECT kind, old_code, new_code, ends_on, known_from
    FROM core.known_succession
    WHERE known_to IS NULL AND new_code IS NOT NULL
),
step AS (
    FROM succession WHERE old_code <> new_code
),
way AS (
    SELECT kind, old_code AS code, new_code AS successor_code, ends_on, known_from FROM step
    UNION ALL
    SELECT w.kind, w.code, s.new_code, w.ends_on, greatest(w.known_from, s.known_from)
    FROM way AS w
    JOIN step AS s ON s.kind = w.kind AND s.old_code = w.successor_code
),
ended AS (
    SELECT w.kind, w.code, w.ends_on AS holds_until, w.successor_code, w.known_from
    FROM way AS w
    ANTI JOIN step AS s ON s.kind = w.kind AND s.old_code = w.successor_code
),
begun AS (
    SELECT kind, new_code AS code, min(ends_on) AS holds_from
    FROM succession
    GROUP BY kind, new_code
    HAVING bool_and(old_code <> new_code)
)
SELECT kind, code, b.holds_from, e.holds_until, e.successor_code, e.known_from
FROM begun AS b
FULL JOIN ended AS e USING (kind, code)
ORDER BY kind, code

-- Lines that were sent more than once, as versions: from when until when each was in force, and whether its values are
-- new. nth: a line may come into force again, once the one that superseded it is no longer in force.
WITH left_once AS (
    SELECT kind, series
    FROM staged.stg_again
    GROUP BY kind, series
    HAVING bool_or(left_at IS NOT NULL)
),
-- Series of which every line is still in force: each new one supersedes the one before it.
compared AS (
    SELECT *, coalesce(said = lag(said) OVER history, false) AS is_unchanged
    FROM staged.stg_again ANTI JOIN left_once USING (kind, series)
    WINDOW history AS (PARTITION BY kind, series ORDER BY entered_at, ledger_sequence, source_row)
),
plain AS (
    SELECT
        kind, submission_id, version, source_sheet, source_row, 1 AS nth, is_unchanged, entered_at AS recorded_at,
        min(entered_at) FILTER (NOT is_unchanged) OVER later AS superseded_at
    FROM compared
    WINDOW later AS (
        PARTITION BY kind, series ORDER BY entered_at, ledger_sequence, source_row
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
),
-- Series in which lines left: at each change the line that came last of those in force then.
line AS (
    SELECT *, row_number() OVER (PARTITION BY kind, series ORDER BY let_in_at, ledger_sequence, source_row, version)
        AS nth_said
    FROM staged.stg_again SEMI JOIN left_once USING (kind, series)
),
turn AS (
    SELECT kind, series, entered_at AS turned_at FROM line
    UNION
    SELECT kind, series, left_at FROM line WHERE left_at IS NOT NULL
),
believed AS (
    SELECT t.kind, t.series, t.turned_at, max(l.nth_said) AS nth_said
    FROM turn AS t
    LEFT JOIN line AS l
        ON l.kind = t.kind AND l.series = t.series AND l.entered_at <= t.turned_at AND (l.left_at IS NULL OR l.left_at > t.turned_at)
    GROUP BY ALL
),
turned AS (  -- it changes where the values differ, or the line that gave them leaves
    SELECT
        b.*, l.said,
        coalesce(l.said IS DISTINCT FROM lag(l.said) OVER history OR EXISTS (
            FROM line AS o WHERE o.kind = b.kind AND o.series = b.series AND o.left_at = b.turned_at AND o.said = l.said
                AND (o.submission_id, o.source_sheet, o.source_row)
                    <> (l.submission_id, l.source_sheet, l.source_row)), true) AS is_turn
    FROM believed AS b
    LEFT JOIN line AS l USING (kind, series, nth_said)
    WINDOW history AS (PARTITION BY b.kind, b.series ORDER BY b.turned_at)
),
spell AS (
    SELECT *, lead(turned_at) OVER (PARTITION BY kind, series ORDER BY turned_at) AS until FROM turned WHERE is_turn
),
returned AS (
    SELECT
        l.kind, l.submission_id, l.version, l.source_sheet, l.source_row,
        row_number() OVER (PARTITION BY l.kind, l.series, l.nth_said ORDER BY s.turned_at) AS nth,
        s.turned_at IS NULL AS is_unchanged, coalesce(s.turned_at, l.entered_at) AS recorded_at, s.until AS superseded_at
    FROM line AS l
    LEFT JOIN spell AS s USING (kind, series, nth_said)
)
FROM plain
UNION ALL BY NAME
FROM returned
ORDER BY kind, submission_id, version, source_sheet, source_row, nth

-- Lines of each file, as the reader counted them and as validation did, so that each checks the other.
-- A model of its own, as counting the lines of a whole country needs all the memory.
WITH found AS (
    SELECT submission_id, lines_read
    FROM checked.submission
    QUALIFY version = max(version) OVER (PARTITION BY submission_id)
),
decided AS (
    SELECT
        submission_id,
        count(*) FILTER (disposition = 'accepted') AS lines_good,
        count(*) FILTER (disposition = 'held') AS lines_held,
        count(*) FILTER (disposition = 'rejected') AS lines_rejected,
        count(*) FILTER (disposition = 'ignored') AS lines_ignored
    FROM checked.line
    GROUP BY submission_id
)
SELECT
    submission_id,
    coalesce(f.lines_read, 0) AS lines_read,
    coalesce(d.lines_good, 0) AS lines_good,
    coalesce(d.lines_held, 0) AS lines_held,
    coalesce(d.lines_rejected, 0) AS lines_rejected,
    coalesce(d.lines_ignored, 0) AS lines_ignored
FROM found AS f
FULL JOIN decided AS d USING (submission_id)
WHERE f.lines_read > 0 OR d.submission_id IS NOT NULL
ORDER BY submission_id

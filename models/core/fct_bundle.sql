-- Every bundle made, with each time it was handed over; from the ledger, so that it outlives the folder it lies in.
-- One made again with the same bytes is the same bundle, also where its files had been removed.
SELECT
    bundle_id,
    any_value(period_code) AS period_code,
    any_value(scope) AS scope,
    nullif(any_value(scope), 'city') AS commune_code,
    any_value(manifest_sha256) AS manifest_sha256,
    min(done_at) FILTER (event = 'made') AS made_at,
    row_number() OVER (PARTITION BY any_value(period_code), any_value(scope)
        ORDER BY max(ledger_sequence) FILTER (event = 'made') DESC NULLS LAST) = 1 AS is_newest,
    max(done_at) FILTER (event = 'removed' AND ledger_sequence > last_made) AS removed_at,
    count(*) FILTER (event = 'sent') AS times_sent,
    min(done_at) FILTER (event = 'sent') AS first_sent_at,
    max(done_at) FILTER (event = 'sent') AS last_sent_at,
    coalesce(
        list(struct_pack(sent_at := done_at, sent_to := sent_to, sent_by := sent_by) ORDER BY ledger_sequence)
            FILTER (event = 'sent'),
        []
    ) AS sendings
FROM (
    SELECT *, max(ledger_sequence) FILTER (event = 'made') OVER (PARTITION BY bundle_id) AS last_made
    FROM raw.bundle_event
)
GROUP BY bundle_id
ORDER BY min(ledger_sequence)

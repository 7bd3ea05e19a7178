-- Every approval of a commune's figures of a period and every withdrawal, as entered in the ledger; nothing is taken out.
SELECT
    ledger_sequence, commune_code, period_code, event, acted_at, acted_by, account, nullif(reason, '') AS reason,
    nullif(figures_sha256, '') AS figures_sha256, known_at, nullif(missing, '') AS missing, act_id
FROM raw.approval_event
ORDER BY ledger_sequence

-- Every lock and unlock of a period, as entered in the ledger; nothing is ever taken out.
SELECT ledger_sequence, period_code, commune_code, event, acted_at, acted_by, reason, place
FROM raw.period_event
ORDER BY ledger_sequence

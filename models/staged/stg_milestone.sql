-- The targets of one commune, indicator, scope and milestone as one line. Two targets conflict when their figures
-- differ ('90' against '100'); the same figure written '95' and '≥ 95' does not.
SELECT
    commune_code, indicator_code, scope, milestone_on,
    count(*) AS targets,
    count(DISTINCT (value, value_high)) > 1 AS is_conflict,
    bool_and(operator = 'text') AS is_text,
    min(value) AS value_lowest,
    max(value) AS value_highest,
    max(value_high) AS value_high,
    bool_or(operator = '>') AS is_strict,
    bool_and(is_aspirational) AS is_aspirational,
    string_agg(as_written, ' | ' ORDER BY line_order) AS as_written,
    string_agg(target_id, ' | ' ORDER BY line_order) AS target_ids
FROM core.fct_target
GROUP BY ALL
ORDER BY ALL

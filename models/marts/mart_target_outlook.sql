-- The targets that will be missed as things are: by what a commune expects of its year, by the straight line through its
-- last figures, or by its pace. One row a line whose next milestone is in doubt; a milestone already missed is none.
WITH newest AS (
    SELECT
        p.*, b.as_of_on,
        CASE n.direction WHEN 'lower_is_better' THEN -1 ELSE 1 END AS sign,
        CASE
            WHEN p.level_status = 'estimate_not_met' AND p.in_force_on >= b.as_of_on THEN 'estimate'
            WHEN p.pace_status = 'backwards' THEN 'backwards'
            WHEN p.pace_status IN ('behind', 'at_risk') AND sign * p.forecast_at_next >= sign * p.next_value THEN NULL
            WHEN p.pace_status IN ('behind', 'at_risk') AND p.forecast_at_next IS NOT NULL THEN 'forecast'
            WHEN p.pace_status = 'at_risk' THEN 'pace'
        END AS outlook
    FROM marts.mart_kpi_progress AS p
    JOIN core.dim_indicator AS n USING (indicator_code)
    CROSS JOIN core.dim_build AS b
    WHERE p.is_latest
)
SELECT
    commune_code, commune_name, indicator_code, indicator_name, unit_of_measure, scope, period_code, value, outlook,
    if(outlook = 'estimate', in_force_on, next_on) AS milestone_on,
    if(outlook = 'estimate', in_force_as_written, next_as_written) AS as_written,
    date_diff('day', as_of_on, milestone_on) AS days_left,
    if(outlook = 'forecast', forecast_at_next, NULL) AS forecast_at_next,
    if(outlook = 'estimate', NULL, pace) AS pace,
    is_illustrative
FROM newest
WHERE outlook IS NOT NULL
ORDER BY milestone_on, commune_code, indicator_code, scope

-- Pairs of targets of one commune, in force together, on the same indicator and milestone: 'conflict' (figures differ, or
-- one is the least and the other the most),
-- 'near' (figures differ, scopes too, or words differ), 'repeated' (the same twice). Shown, never resolved.
WITH target AS (
    SELECT t.*, p.in_force_from, coalesce(p.in_force_to, DATE '9999-12-31') AS in_force_to
    FROM core.fct_target AS t
    JOIN core.dim_plan AS p USING (plan_id)
)
SELECT
    a.plan_id, b.plan_id AS second_plan_id, a.commune_code, a.indicator_code, n.indicator_name, a.milestone_on,
    CASE
        WHEN a.operator = 'text' AND b.operator = 'text' THEN if(a.as_written = b.as_written, 'repeated', 'near')
        WHEN (a.operator IN ('<=', '<') AND b.operator IN ('>=', '>'))
            OR (a.operator IN ('>=', '>') AND b.operator IN ('<=', '<')) THEN if(a.scope = b.scope, 'conflict', 'near')
        WHEN a.value IS NOT DISTINCT FROM b.value AND a.value_high IS NOT DISTINCT FROM b.value_high THEN 'repeated'
        WHEN a.scope = b.scope THEN 'conflict'
        ELSE 'near'
    END AS kind,
    a.target_id AS first_target_id, a.appendix AS first_appendix, a.row_number AS first_row_number,
    a.scope AS first_scope, a.as_written AS first_as_written, a.lead_agency_code AS first_lead_agency_code,
    a.source_page AS first_source_page,
    b.target_id AS second_target_id, b.appendix AS second_appendix, b.row_number AS second_row_number,
    b.scope AS second_scope, b.as_written AS second_as_written, b.lead_agency_code AS second_lead_agency_code,
    b.source_page AS second_source_page
FROM target AS a
JOIN target AS b
    ON b.commune_code = a.commune_code AND b.indicator_code = a.indicator_code AND b.milestone_on = a.milestone_on
    AND (b.plan_id, b.line_order) > (a.plan_id, a.line_order)
    AND b.in_force_from < a.in_force_to AND a.in_force_from < b.in_force_to
JOIN core.dim_indicator AS n ON n.indicator_code = a.indicator_code
ORDER BY a.plan_id, kind, a.indicator_code, a.milestone_on, a.line_order, b.plan_id, b.line_order

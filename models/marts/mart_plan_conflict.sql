-- Pairs of targets of one plan on the same indicator and milestone: 'conflict' (figures differ), 'near' (figures differ,
-- scopes too), 'repeated' (the same figure twice). Shown, never resolved.
SELECT
    a.plan_id, a.commune_code, a.indicator_code, n.indicator_name, a.milestone_on,
    CASE
        WHEN a.value IS NOT DISTINCT FROM b.value AND a.value_high IS NOT DISTINCT FROM b.value_high THEN 'repeated'
        WHEN a.scope = b.scope THEN 'conflict'
        ELSE 'near'
    END AS kind,
    a.target_id AS first_target_id, a.appendix AS first_appendix, a.row_number AS first_row_number,
    a.scope AS first_scope, a.as_written AS first_as_written, a.lead_agency_code AS first_lead_agency_code,
    b.target_id AS second_target_id, b.appendix AS second_appendix, b.row_number AS second_row_number,
    b.scope AS second_scope, b.as_written AS second_as_written, b.lead_agency_code AS second_lead_agency_code
FROM core.fct_target AS a
JOIN core.fct_target AS b
    ON b.plan_id = a.plan_id AND b.indicator_code = a.indicator_code AND b.milestone_on = a.milestone_on
    AND b.line_order > a.line_order
JOIN core.dim_indicator AS n ON n.indicator_code = a.indicator_code
ORDER BY a.plan_id, kind, a.indicator_code, a.milestone_on, a.line_order, b.line_order

-- What Python writes; everything else is built from it by models/. Run on every start: only creates what is missing.
-- No PRIMARY KEY, UNIQUE, sequence, index or ENUM, so that the same SQL runs on DuckLake; keys are proven by checks.
CREATE SCHEMA IF NOT EXISTS raw;      -- as it came: registry, ledger, cells as typed
CREATE SCHEMA IF NOT EXISTS checked;  -- what validation made of it: facts of each line, findings
CREATE SCHEMA IF NOT EXISTS staged;
CREATE SCHEMA IF NOT EXISTS core;
CREATE SCHEMA IF NOT EXISTS marts;

-- editions, segments: digests of what was loaded of either; as_of: the as-of date; illustrative: 'true' where the figures
-- are made up.
CREATE TABLE IF NOT EXISTS raw.build_info (name VARCHAR, value VARCHAR);

-- registry: one row a wording, known from the edition that first said it until the one that no longer does; NULL where it
-- was always known, or still is
CREATE TABLE IF NOT EXISTS raw.commune (
    commune_code VARCHAR, commune_name VARCHAR, commune_type VARCHAR, short_name VARCHAR, city_code VARCHAR,
    city_name VARCHAR,
    known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.agency (agency_code VARCHAR, agency_name VARCHAR, is_group BOOLEAN,
    known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.indicator (
    indicator_code VARCHAR, indicator_name VARCHAR, indicator_name_en VARCHAR, theme VARCHAR, unit_of_measure VARCHAR,
    kind VARCHAR, direction VARCHAR, aggregation VARCHAR, accumulates VARCHAR, frequency VARCHAR,
    numerator_name VARCHAR, denominator_name VARCHAR, lead_agency_code VARCHAR, definition_source VARCHAR,
    note VARCHAR,
    known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.period (
    calendar VARCHAR, is_default BOOLEAN, period_code VARCHAR, kind VARCHAR, starts_on DATE, ends_on DATE,
    due_days INTEGER, grace_days INTEGER, owed_from DATE, label VARCHAR,
    known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.asked (
    period_code VARCHAR, frequency VARCHAR, known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.status (
    answer VARCHAR, status VARCHAR, label VARCHAR, label_en VARCHAR, severity INTEGER, needs_attention BOOLEAN,
    is_behind BOOLEAN, is_outstanding BOOLEAN, meaning VARCHAR);
CREATE TABLE IF NOT EXISTS raw.plan (
    plan_id VARCHAR, commune_code VARCHAR, document_number VARCHAR, issued_on DATE, issuer VARCHAR, title VARCHAR,
    supersedes VARCHAR, annual_report_due VARCHAR, focal_agency_code VARCHAR, legal_basis VARCHAR,
    legal_documents STRUCT(number VARCHAR, issued_on DATE, issuer VARCHAR)[],
    reports_from DATE, reporting_calendar VARCHAR, reporting_rhythm VARCHAR, due_days INTEGER, grace_days INTEGER, for_year INTEGER,
    supersedes_plan VARCHAR, in_force_from DATE, in_force_to DATE, superseded_by VARCHAR, tasks_until DATE,
    is_start_stated BOOLEAN, is_end_stated BOOLEAN,
    known_from TIMESTAMP, known_to TIMESTAMP);
-- the document a plan's rows were read from; kept_as: its file in the plan's folder, and so in the archive
CREATE TABLE IF NOT EXISTS raw.plan_document (
    plan_id VARCHAR, source_file VARCHAR, source_sha256 VARCHAR, kept_as VARCHAR, reviewed_on DATE,
    known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.target (
    target_id VARCHAR, plan_id VARCHAR, commune_code VARCHAR, indicator_code VARCHAR, name VARCHAR,
    name_as_written VARCHAR, appendix VARCHAR, row_number VARCHAR, scope VARCHAR, milestone_on DATE, operator VARCHAR,
    value DECIMAL(18, 4), value_high DECIMAL(18, 4), unit_of_measure VARCHAR, unit_as_written VARCHAR,
    as_written VARCHAR, is_aspirational BOOLEAN, lead_agency_code VARCHAR, lead_as_written VARCHAR,
    cooperating_as_written VARCHAR, deliverable VARCHAR, note VARCHAR, reading_reason VARCHAR, source_page INTEGER,
    source_place VARCHAR, line_order INTEGER,
    known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.task (
    task_id VARCHAR, plan_id VARCHAR, commune_code VARCHAR, appendix VARCHAR, section VARCHAR, section_title VARCHAR,
    row_number VARCHAR, printed_number VARCHAR, parent_task VARCHAR, title VARCHAR, title_as_written VARCHAR,
    head_role VARCHAR, lead_as_written VARCHAR, lead_agency_codes VARCHAR[], cooperating_as_written VARCHAR, deliverable VARCHAR,
    deliverable_as_written VARCHAR, deadline_as_written VARCHAR, due_on DATE, recurrence VARCHAR, starts_on DATE,
    recurs_on VARCHAR, earlier_due_on VARCHAR, note VARCHAR, reading_reason VARCHAR, source_page INTEGER,
    source_place VARCHAR, continues VARCHAR, line_order INTEGER,
    known_from TIMESTAMP, known_to TIMESTAMP);
-- plans of a city or of the Government; plan_scope: city, country
CREATE TABLE IF NOT EXISTS raw.higher_plan (
    plan_id VARCHAR, plan_scope VARCHAR, city_code VARCHAR, document_number VARCHAR, issued_on DATE, issuer VARCHAR,
    title VARCHAR, in_force_from DATE, in_force_to DATE,
    known_from TIMESTAMP, known_to TIMESTAMP);
CREATE TABLE IF NOT EXISTS raw.higher_target (
    target_id VARCHAR, plan_id VARCHAR, indicator_code VARCHAR, name VARCHAR, appendix VARCHAR, row_number VARCHAR,
    scope VARCHAR, milestone_on DATE, operator VARCHAR, value DECIMAL(18, 4), value_high DECIMAL(18, 4),
    unit_of_measure VARCHAR, as_written VARCHAR, is_aspirational BOOLEAN, note VARCHAR, reading_reason VARCHAR,
    source_page INTEGER, source_place VARCHAR, line_order INTEGER,
    known_from TIMESTAMP, known_to TIMESTAMP);
-- what takes the place of what, from which day; new_code '': the definition of an indicator changed
CREATE TABLE IF NOT EXISTS raw.succession (
    kind VARCHAR, old_code VARCHAR, new_code VARCHAR, ends_on DATE, source VARCHAR,
    known_from TIMESTAMP, known_to TIMESTAMP);
-- who reports what by which plan: one agency an indicator; every lead (or the focal agency for a group) a task.
-- followed_from: since when the indicator is followed without a target; NULL: the plan has a target for it
CREATE TABLE IF NOT EXISTS raw.indicator_duty (
    plan_id VARCHAR, commune_code VARCHAR, indicator_code VARCHAR, frequency VARCHAR, agency_code VARCHAR,
    followed_from DATE,
    known_from TIMESTAMP, known_to TIMESTAMP);
-- part_from: of a task given to all agencies together, since when the agency reports on its own part; NULL: it leads the task
CREATE TABLE IF NOT EXISTS raw.task_duty (
    plan_id VARCHAR, commune_code VARCHAR, task_id VARCHAR, agency_code VARCHAR, part_from DATE,
    known_from TIMESTAMP, known_to TIMESTAMP);

-- editions of sources/ that the registry was loaded from, in order
CREATE TABLE IF NOT EXISTS raw.edition (edition VARCHAR, ledger_sequence INTEGER, known_from TIMESTAMP);

-- the ledger; duplicate_of and the sender's codes as they were judged at receipt; place: the one of several that received it,
-- or whose act it is, where their ledgers are joined
CREATE TABLE IF NOT EXISTS raw.receipt (
    submission_id VARCHAR, ledger_sequence INTEGER, sha256 VARCHAR, original_name VARCHAR, folder VARCHAR,
    commune_code VARCHAR, agency_code VARCHAR, received_at TIMESTAMP, size_bytes BIGINT, duplicate_of VARCHAR,
    edition VARCHAR, batch INTEGER, place VARCHAR);
CREATE TABLE IF NOT EXISTS raw.period_event (
    ledger_sequence INTEGER, period_code VARCHAR, commune_code VARCHAR, event VARCHAR, acted_at TIMESTAMP,
    acted_by VARCHAR, reason VARCHAR, place VARCHAR);
CREATE TABLE IF NOT EXISTS raw.approval_event (
    ledger_sequence INTEGER, period_code VARCHAR, commune_code VARCHAR, event VARCHAR, acted_at TIMESTAMP,
    acted_by VARCHAR, account VARCHAR, reason VARCHAR, figures_sha256 VARCHAR, known_at TIMESTAMP, missing VARCHAR,
    act_id VARCHAR);
CREATE TABLE IF NOT EXISTS raw.set_aside (
    submission_id VARCHAR, ledger_sequence INTEGER, reason VARCHAR, acted_by VARCHAR, acted_at TIMESTAMP,
    check_code VARCHAR, message VARCHAR, fix VARCHAR);
CREATE TABLE IF NOT EXISTS raw.bundle_event (
    ledger_sequence INTEGER, event VARCHAR, bundle_id VARCHAR, period_code VARCHAR, scope VARCHAR,
    manifest_sha256 VARCHAR, done_at TIMESTAMP, sent_to VARCHAR, sent_by VARCHAR);

-- readings between the reader and validation; afterwards their lines are in the segment of the verdict
CREATE TABLE IF NOT EXISTS raw.reading (submission_id VARCHAR, problem VARCHAR, layout JSON, lines JSON);

-- verdicts: what reading and checking made of a submission, one version at receipt and one for each recheck. Loaded from
-- the segments in the archive; segment NULL: not recorded yet. edition, program: by which it was judged. agency_code of a
-- line: the agency whose it is in a file of the focal agency for several; NULL: the sender. is_estimate of a figure: what its
-- line says, of a year; NULL: as its submission. repeats_period: whose report a line 'as in the last period' repeats.
CREATE TABLE IF NOT EXISTS raw.segment (segment VARCHAR, ledger_sequence INTEGER);
CREATE TABLE IF NOT EXISTS checked.submission (
    submission_id VARCHAR, version INTEGER DEFAULT 1, judged_at TIMESTAMP, edition VARCHAR, program VARCHAR, segment VARCHAR,
    duplicate_of VARCHAR, commune_code VARCHAR, agency_code VARCHAR, period_code VARCHAR, due_on DATE,
    grace_until DATE, is_unreadable BOOLEAN, is_refused BOOLEAN, is_estimate BOOLEAN DEFAULT false,
    lines_read BIGINT, problem VARCHAR);
CREATE TABLE IF NOT EXISTS checked.line (
    submission_id VARCHAR, version INTEGER DEFAULT 1, source_sheet VARCHAR, source_row INTEGER, kind VARCHAR, line_kind VARCHAR,
    code VARCHAR, agency_code VARCHAR, disposition VARCHAR, reason VARCHAR, note VARCHAR, confirms VARCHAR,
    confirmed_how VARCHAR, confirmed_reason VARCHAR, confirmed_rules VARCHAR);
CREATE TABLE IF NOT EXISTS checked.actual (
    submission_id VARCHAR, version INTEGER DEFAULT 1, source_sheet VARCHAR, source_row INTEGER, source_cell VARCHAR,
    agency_code VARCHAR, indicator_code VARCHAR, numerator DECIMAL(18, 4), denominator DECIMAL(18, 4),
    value DECIMAL(18, 4), value_text VARCHAR, note VARCHAR, is_withdrawn BOOLEAN DEFAULT false, is_held BOOLEAN DEFAULT false,
    is_estimate BOOLEAN);
CREATE TABLE IF NOT EXISTS checked.task_report (
    submission_id VARCHAR, version INTEGER DEFAULT 1, source_sheet VARCHAR, source_row INTEGER, source_cell VARCHAR,
    agency_code VARCHAR, task_id VARCHAR, state VARCHAR, percent_done DECIMAL(18, 4), document_number VARCHAR,
    document_date DATE, difficulty VARCHAR, is_held BOOLEAN DEFAULT false, result VARCHAR, proposal VARCHAR,
    repeats_period VARCHAR);
CREATE TABLE IF NOT EXISTS checked.finding (
    submission_id VARCHAR, version INTEGER DEFAULT 1, finding_order INTEGER, source_sheet VARCHAR, source_row INTEGER,
    source_cell VARCHAR, rule_code VARCHAR, severity VARCHAR, found VARCHAR, message VARCHAR, fix VARCHAR);

-- what each submission's feedback spoke of, from the ledger: version and status (for a duplicate those of the file sent
-- first)
CREATE TABLE IF NOT EXISTS raw.told (submission_id VARCHAR, version INTEGER, status VARCHAR);

-- what each staged model was built from (pipelines/incremental.py); those of core and marts stand in the file they are in
CREATE TABLE IF NOT EXISTS raw.model_mark (table_name VARCHAR, mark VARCHAR);

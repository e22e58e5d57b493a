-- Elements of KPIs of ISO 22400-2 from what gateways told: states from changes, parts from production, both by the time at which they happened.
-- Nothing is summed up beforehand, so what comes late simply changes the answer. Durations are whole microseconds, run times of
-- items whole nanoseconds, ratios are divided last. docs/guide-kpis.md says what each figure means.

-- Calendars that were laid out as spans, without a gap from laid_from to laid_until. A fault: it cannot be read, and nothing is planned.
CREATE TABLE IF NOT EXISTS calendars (
  calendar text PRIMARY KEY,
  laid_from timestamptz NOT NULL,
  laid_until timestamptz NOT NULL,
  fault text NOT NULL DEFAULT ''
);
-- Planned time and breaks of a shift, and what is between shifts; `day` is the local date on which the shift begins.
CREATE TABLE IF NOT EXISTS calendar_spans (
  calendar text NOT NULL,
  start_time timestamptz NOT NULL,
  end_time timestamptz NOT NULL,
  planned boolean NOT NULL,
  shift text NOT NULL,
  day text NOT NULL,
  PRIMARY KEY (calendar, start_time)
);

DO $$ BEGIN
  CREATE AGGREGATE jsonb_merge(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}');
EXCEPTION WHEN duplicate_function THEN NULL;
END $$;

CREATE OR REPLACE FUNCTION microseconds(p_from timestamptz, p_until timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (extract(epoch FROM p_until - p_from) * 1000000)::bigint $$;

-- Machines, and since when each must be known: the window's begin, or, where it was in Delay then, the begin of that failure, since it
-- may have been counted before.
CREATE OR REPLACE FUNCTION kpi_scope(p_sink text, p_from timestamptz, p_plant text, p_machine text)
RETURNS TABLE (plant text, machine text, place jsonb, heard_time timestamptz, counts_rework boolean, counts_planned boolean,
  since timestamptz) LANGUAGE sql STABLE AS $$
  SELECT e.plant, e.machine, e.place, e.heard_time, e.counts_rework, e.counts_planned, coalesce(failing.since, p_from)
  FROM equipment AS e
  LEFT JOIN LATERAL (
    SELECT c.source_time, c.seq FROM changes AS c
    WHERE c.sink = e.sink AND c.plant = e.plant AND c.machine = e.machine AND c.of = 'State' AND c.source_time < p_from
      AND c.value <> 'Delay'
    ORDER BY c.source_time DESC, c.seq DESC LIMIT 1
  ) AS up ON true
  LEFT JOIN LATERAL (
    SELECT c.source_time AS since FROM changes AS c
    WHERE c.sink = e.sink AND c.plant = e.plant AND c.machine = e.machine AND c.of = 'State' AND c.source_time < p_from
      AND (c.source_time, c.seq) > (coalesce(up.source_time, '-infinity'), coalesce(up.seq, 0))
    ORDER BY c.source_time, c.seq LIMIT 1
  ) AS failing ON true
  WHERE e.sink = p_sink AND p_plant IN ('', e.plant) AND p_machine IN ('', e.machine)
$$;

-- Configurations with the time for which each is in force; of two at one time the later in the stream.
CREATE OR REPLACE FUNCTION kpi_in_force(p_sink text, p_plant text, p_machine text)
RETURNS TABLE (plant text, machine text, since timestamptz, until timestamptz, place jsonb, calendar_key text)
LANGUAGE sql STABLE AS $$
  SELECT plant, machine, source_time, until, place, calendar_key FROM (
    SELECT c.*, coalesce(lead(source_time) OVER (PARTITION BY plant, machine ORDER BY source_time, seq, recorded_time), 'infinity')
      AS until
    FROM configurations AS c WHERE sink = p_sink AND p_plant IN ('', plant) AND p_machine IN ('', machine)
  ) AS ordered WHERE source_time < until
$$;

-- What a change says, as keys of a situation; what the gateway did not say of an order is what was planned.
CREATE OR REPLACE FUNCTION kpi_says(p_of text, p_value text, p_context jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT CASE p_of WHEN 'Person' THEN jsonb_build_object('person', p_value)
    WHEN 'Reason' THEN jsonb_build_object('reason', p_value) ELSE jsonb_build_object('jobOrder', p_value,
    'workRequest', coalesce(nullif(p_context ->> 'workRequest', ''), max(work_request_id), ''),
    'materialDefinition', coalesce(nullif(p_context ->> 'materialDefinition', ''), max(material_definition_id), '')) END
  FROM job_orders WHERE id = p_value
$$;

-- Stretches in which nothing changes but the state: place, calendar (planned, shift, day), order, person and reason of a stop; from each machine's `since`
-- on. The latest change by (time, sequence) holds, and before the first there is none.
CREATE OR REPLACE FUNCTION kpi_stretches(p_sink text, p_from timestamptz, p_to timestamptz, p_plant text, p_machine text)
RETURNS TABLE (plant text, machine text, no bigint, at timestamptz, until timestamptz, so jsonb) LANGUAGE sql STABLE AS $$
  WITH scope AS MATERIALIZED (
    SELECT s.plant, s.machine, s.place, s.since, greatest(s.since, e.kept_from) AS kept
    FROM kpi_scope(p_sink, p_from, p_plant, p_machine) AS s
    JOIN equipment AS e ON e.sink = p_sink AND e.plant = s.plant AND e.machine = s.machine
  ), in_force AS MATERIALIZED (
    SELECT f.plant, f.machine, greatest(f.since, s.since) AS since, least(f.until, p_to) AS until, f.place, f.calendar_key
    FROM scope AS s JOIN kpi_in_force(p_sink, p_plant, p_machine) AS f USING (plant, machine)
    WHERE f.until > s.since AND f.since < p_to
  ), told AS (
    SELECT plant, machine, since AS at, 0 AS rank, 0::bigint AS seq,
      '{"planned": false, "shift": "", "day": ""}' || place AS says
    FROM scope
    UNION ALL
    SELECT plant, machine, since, 1, 0, '{"planned": false, "shift": "", "day": ""}' || place FROM in_force
    UNION ALL
    SELECT f.plant, f.machine, greatest(f.since, d.start_time), 2, 0,
      jsonb_build_object('planned', d.planned, 'shift', d.shift, 'day', d.day)
    FROM in_force AS f JOIN calendar_spans AS d
      ON d.calendar = f.calendar_key AND d.end_time > f.since AND d.start_time < f.until
    UNION ALL
    SELECT s.plant, s.machine, s.kept, 3, 0, kpi_says(o.of, c.value, c.context)
    FROM scope AS s CROSS JOIN (VALUES ('JobOrder'), ('Person'), ('Reason')) AS o (of) CROSS JOIN LATERAL (
      SELECT value, context FROM changes AS c
      WHERE c.sink = p_sink AND c.plant = s.plant AND c.machine = s.machine AND c.of = o.of AND c.source_time < s.kept
      ORDER BY source_time DESC, seq DESC, recorded_time DESC LIMIT 1
    ) AS c WHERE s.kept < p_to
    UNION ALL
    SELECT c.plant, c.machine, c.source_time, 4, c.seq, kpi_says(c.of, c.value, c.context)
    FROM scope AS s JOIN changes AS c
      ON c.sink = p_sink AND c.plant = s.plant AND c.machine = s.machine AND c.of IN ('JobOrder', 'Person', 'Reason')
      AND c.source_time >= s.kept AND c.source_time < p_to
  ), swept AS (
    SELECT plant, machine, at, coalesce(lead(at) OVER along, p_to) AS until,
      jsonb_merge(says) OVER (PARTITION BY plant, machine ORDER BY at, rank, seq ROWS UNBOUNDED PRECEDING) AS so
    FROM told WINDOW along AS (PARTITION BY plant, machine ORDER BY at, rank, seq)
  )
  SELECT plant, machine, row_number() OVER (PARTITION BY plant, machine ORDER BY at), at, until, so FROM swept WHERE until > at
$$;

-- By what figures are told apart: nothing, shift, job order, production order (request), product or reason of a stop.
CREATE OR REPLACE FUNCTION kpi_key(p_by text, so jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE p_by
    WHEN 'shift' THEN ARRAY[so ->> 'day', so ->> 'shift']
    WHEN 'order' THEN ARRAY[coalesce(so ->> 'workRequest', ''), coalesce(so ->> 'jobOrder', '')]
    WHEN 'request' THEN ARRAY[coalesce(so ->> 'workRequest', '')]
    WHEN 'product' THEN ARRAY[coalesce(so ->> 'materialDefinition', '')]
    WHEN 'reason' THEN ARRAY[coalesce(so ->> 'reason', '')]
    ELSE '{}'
  END
$$;

CREATE OR REPLACE FUNCTION kpi_place(so jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[so ->> 'enterprise', so ->> 'site', so ->> 'area', so ->> 'line']
$$;

-- How states are numbered below.
CREATE OR REPLACE FUNCTION kpi_code(p_state text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE p_state WHEN 'Production' THEN 1 WHEN 'Setup' THEN 2 WHEN 'Delay' THEN 3 WHEN 'Idle' THEN 4 WHEN 'PlannedDown' THEN 5
    ELSE 0 END::bigint
$$;

-- Microseconds of each state in each stretch, and the failures in it: stretches of Delay, each counted once, where it first is in
-- planned time. Until its first change, until its changes are kept, and once its gateway was last heard, a machine is Unknown.
--
-- Boundaries of stretches and of states are put in one order. What holds at each is the last one told: `at_no` and `at_code` carry the
-- row's number in their upper bits, so that the greatest of the rows so far is the last.
CREATE OR REPLACE FUNCTION kpi_states(p_sink text, p_from timestamptz, p_to timestamptz, p_plant text, p_machine text)
RETURNS TABLE (plant text, machine text, no bigint, code bigint, us bigint, failures bigint) LANGUAGE sql STABLE AS $$
  WITH scope AS MATERIALIZED (
    SELECT row_number() OVER () AS m, s.*, greatest(s.since, e.kept_from) AS kept
    FROM kpi_scope(p_sink, p_from, p_plant, p_machine) AS s
    JOIN equipment AS e ON e.sink = p_sink AND e.plant = s.plant AND e.machine = s.machine
  ), boundary AS (
    SELECT s.m, t.at, 0 AS rank, 0::bigint AS seq, t.no << 1 | (t.so ->> 'planned')::boolean::integer AS no, NULL::bigint AS code
    FROM kpi_stretches(p_sink, p_from, p_to, p_plant, p_machine) AS t JOIN scope AS s USING (plant, machine)
    UNION ALL
    SELECT s.m, s.since, 1, 0, NULL, 0 FROM scope AS s WHERE s.since < s.kept
    UNION ALL
    SELECT s.m, s.kept, 1, 0, NULL, coalesce((
      SELECT kpi_code(c.value) FROM changes AS c
      WHERE c.sink = p_sink AND c.plant = s.plant AND c.machine = s.machine AND c.of = 'State' AND c.source_time < s.kept
      ORDER BY c.source_time DESC, c.seq DESC, c.recorded_time DESC LIMIT 1), 0)
    FROM scope AS s WHERE s.kept < p_to
    UNION ALL
    SELECT s.m, c.source_time, 2, c.seq, NULL, kpi_code(c.value) FROM scope AS s JOIN changes AS c
      ON c.sink = p_sink AND c.plant = s.plant AND c.machine = s.machine AND c.of = 'State'
      AND c.source_time >= s.kept AND c.source_time < p_to
    UNION ALL
    SELECT s.m, greatest(s.heard_time, s.kept), 3, 0, NULL, 0 FROM scope AS s
    WHERE greatest(s.heard_time, s.kept) < p_to AND NOT EXISTS (
      SELECT FROM changes AS c WHERE c.sink = p_sink AND c.plant = s.plant AND c.machine = s.machine AND c.of = 'State'
        AND c.source_time > s.heard_time)
  ), numbered AS (
    SELECT m, at, no, code, row_number() OVER along AS rn, coalesce(lead(at) OVER along, p_to) AS until
    FROM boundary WINDOW along AS (PARTITION BY m ORDER BY at, rank, seq)
  ), filled AS (
    SELECT m, at, until, rn, max(rn << 30 | no) OVER so_far AS at_no, max(rn << 3 | code) OVER so_far AS at_code
    FROM numbered WINDOW so_far AS (PARTITION BY m ORDER BY rn ROWS UNBOUNDED PRECEDING)
  ), stretch AS (
    SELECT m, at, until, rn, (at_no & (1 << 30) - 1) >> 1 AS no, at_no & 1 = 1 AND at_code & 7 = 3 AS failing, at_code & 7 AS code
    FROM filled WHERE until > at
  ), judged AS (
    SELECT *, failing AND at >= p_from AND
      coalesce(max(rn) FILTER (WHERE failing) OVER (PARTITION BY m ORDER BY rn ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
      <= coalesce(max(rn) FILTER (WHERE code <> 3) OVER (PARTITION BY m ORDER BY rn ROWS UNBOUNDED PRECEDING), 0) AS fails
    FROM stretch
  )
  SELECT s.plant, s.machine, j.no, j.code, j.us, j.failures FROM (
    SELECT m, no, code, sum(microseconds(greatest(at, p_from), until))::bigint AS us, count(*) FILTER (WHERE fails) AS failures
    FROM judged WHERE until > p_from GROUP BY 1, 2, 3
  ) AS j JOIN scope AS s USING (m)
$$;

-- Time elements of each machine in microseconds. `aoet`: an order was under way. `apat`, `apwt`: somebody was logged on in planned busy
-- time, and the machine was processing then. Where changes are no longer kept, what is told of orders, people
-- and failures is NULL: unknown, not 0.
CREATE OR REPLACE FUNCTION kpi_times(p_sink text, p_from timestamptz, p_to timestamptz, p_plant text, p_machine text, p_by text)
RETURNS TABLE (plant text, machine text, place text[], key text[], planned bigint, known bigint, pbt bigint, apt bigint,
  production bigint, asut bigint, adet bigint, aoet bigint, apat bigint, apwt bigint, failures bigint) LANGUAGE sql STABLE AS $$
  WITH timed AS (
    SELECT plant, machine, so, us, code, failures, until > kept_from AS kept, (so ->> 'planned')::boolean AS plan,
      coalesce(so ->> 'jobOrder', '') <> '' AS ordered, coalesce(so ->> 'person', '') <> '' AS attended
    FROM kpi_stretches(p_sink, p_from, p_to, p_plant, p_machine)
    JOIN kpi_states(p_sink, p_from, p_to, p_plant, p_machine) USING (plant, machine, no)
    JOIN (SELECT plant, machine, kept_from FROM equipment WHERE sink = p_sink) AS e USING (plant, machine)
  )
  SELECT plant, machine, kpi_place(so), kpi_key(p_by, so),
    coalesce(sum(us) FILTER (WHERE plan), 0),
    coalesce(sum(us) FILTER (WHERE plan AND code <> 0), 0),
    coalesce(sum(us) FILTER (WHERE plan AND code BETWEEN 1 AND 4), 0),
    coalesce(sum(us) FILTER (WHERE plan AND code = 1), 0),
    coalesce(sum(us) FILTER (WHERE code = 1), 0),
    coalesce(sum(us) FILTER (WHERE plan AND code = 2), 0),
    coalesce(sum(us) FILTER (WHERE plan AND code = 3), 0),
    sum(CASE WHEN ordered THEN us ELSE 0 END) FILTER (WHERE kept),
    sum(CASE WHEN attended AND plan AND code BETWEEN 1 AND 4 THEN us ELSE 0 END) FILTER (WHERE kept),
    sum(CASE WHEN attended AND plan AND code IN (1, 2) THEN us ELSE 0 END) FILTER (WHERE kept),
    (sum(failures) FILTER (WHERE kept))::bigint
  FROM timed GROUP BY 1, 2, 3, 4
$$;

-- Parts of each machine. A part belongs to the shift, order and place of the time at which its counter was read. `priced`: PRI x parts
-- in nanoseconds; `unpriced`: parts of which no PRI is known.
CREATE OR REPLACE FUNCTION kpi_parts(p_sink text, p_from timestamptz, p_to timestamptz, p_plant text, p_machine text, p_by text)
RETURNS TABLE (plant text, machine text, place text[], key text[], good bigint, rejected bigint, reworked bigint, cycles bigint,
  ordered bigint, priced numeric, unpriced bigint) LANGUAGE sql STABLE AS $$
  SELECT s.plant, s.machine, kpi_place(so), kpi_key(p_by, so), sum(made.good)::bigint, sum(made.rejected)::bigint,
    sum(made.reworked)::bigint, sum(made.cycles)::bigint,
    coalesce(sum(made.good + made.rejected) FILTER (WHERE coalesce(so ->> 'jobOrder', '') <> ''), 0)::bigint,
    sum(made.priced), sum(made.unpriced)::bigint
  FROM kpi_stretches(p_sink, p_from, p_to, p_plant, p_machine) AS s
  JOIN equipment AS e ON e.sink = p_sink AND e.plant = s.plant AND e.machine = s.machine
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(p.good), 0) AS good, coalesce(sum(p.rejected), 0) AS rejected, coalesce(sum(p.reworked), 0) AS reworked,
      sum(p.cycles) AS cycles,
      coalesce(sum((p.good + p.rejected)::numeric * p.planned_run_ns), 0) AS priced,
      coalesce(sum(p.good + p.rejected) FILTER (WHERE p.planned_run_ns IS NULL), 0) AS unpriced, count(*) AS told
    FROM production AS p
    WHERE p.sink = p_sink AND p.plant = s.plant AND p.machine = s.machine AND p.source_time >= greatest(s.at, p_from, e.kept_from)
      AND p.source_time < s.until
  ) AS made
  WHERE made.told > 0 GROUP BY 1, 2, 3, 4
$$;

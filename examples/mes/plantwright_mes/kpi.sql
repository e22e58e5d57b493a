-- KPIs of ISO 22400-2: the elements of kpi_elements.sql, by machine, line and level. docs/guide-kpis.md says what each figure means.

-- All elements of each machine, and which of them its line takes: of a serial line the time of the bottleneck, the parts of the exit.
-- Parts are NULL where none are kept any more (as `aoet` is), and 0 where none were told.
-- `effective`: the machine counts parts and all their PRI are known, so that its production may be held against them.
CREATE OR REPLACE FUNCTION kpi_machines(p_sink text, p_from timestamptz, p_to timestamptz, p_level text, p_by text, p_plant text,
  p_area text, p_line text, p_machine text)
RETURNS TABLE (plant text, machine text, place text[], key text[], planned bigint, known bigint, pbt bigint, apt bigint,
  production bigint, asut bigint, adet bigint, aoet bigint, apat bigint, apwt bigint, failures bigint, good bigint, rejected bigint,
  reworked bigint, cycles bigint, ordered bigint, priced numeric, counts_rework boolean, effective boolean, serial boolean, bottleneck text,
  of_time boolean, of_parts boolean) LANGUAGE sql STABLE AS $$
  WITH element AS (
    SELECT t.*, kept.none AS good, kept.none AS rejected, kept.none AS reworked, NULL::bigint AS cycles, kept.none AS ordered, kept.none::numeric AS priced,
      0::bigint AS unpriced
    FROM kpi_times(p_sink, p_from, p_to, p_plant, p_machine, p_by) AS t
    CROSS JOIN LATERAL (SELECT CASE WHEN t.aoet IS NOT NULL THEN 0::bigint END AS none) AS kept
    UNION ALL
    SELECT p.plant, p.machine, p.place, p.key, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, p.good, p.rejected, p.reworked, p.cycles, p.ordered, p.priced,
      p.unpriced
    FROM kpi_parts(p_sink, p_from, p_to, p_plant, p_machine, p_by) AS p
  ), summed AS (
    SELECT plant, machine, place, key, sum(planned)::bigint AS planned, sum(known)::bigint AS known, sum(pbt)::bigint AS pbt,
      sum(apt)::bigint AS apt, sum(production)::bigint AS production, sum(asut)::bigint AS asut, sum(adet)::bigint AS adet,
      sum(aoet)::bigint AS aoet, sum(apat)::bigint AS apat, sum(apwt)::bigint AS apwt, sum(failures)::bigint AS failures,
      sum(good)::bigint AS good, sum(rejected)::bigint AS rejected, sum(reworked)::bigint AS reworked,
      sum(cycles)::bigint AS cycles, sum(ordered)::bigint AS ordered, sum(priced) AS priced, sum(unpriced) AS unpriced
    FROM element
    WHERE p_area IN ('', place[3]) AND p_line IN ('', place[4])
    GROUP BY plant, machine, place, key
  )
  SELECT s.plant, s.machine, s.place, s.key, s.planned, s.known, s.pbt, s.apt, s.production, s.asut, s.adet, s.aoet, s.apat, s.apwt,
    s.failures, s.good, s.rejected, s.reworked, s.cycles, s.ordered, s.priced, e.counts_rework, e.counts_planned AND s.unpriced = 0,
    role.serial, coalesce(l.bottleneck, ''), NOT role.serial OR s.machine = l.bottleneck, NOT role.serial OR s.machine = l.exit
  FROM summed AS s JOIN equipment AS e ON e.sink = p_sink AND e.plant = s.plant AND e.machine = s.machine
  LEFT JOIN lines AS l ON l.plant = s.plant AND l.area = s.place[3] AND l.line = s.place[4]
  CROSS JOIN LATERAL (SELECT p_level <> 'machine' AND coalesce(l.flow = 'Serial', false) AS serial) AS role
$$;

-- Elements of machines (p_level machine) or lines. The PRI of a serial line is its bottleneck's: of the window, else the last one told; a
-- bottleneck that counts no parts has none, and the exit machine's stands in.
CREATE OR REPLACE FUNCTION kpi_lines(p_sink text, p_from timestamptz, p_to timestamptz, p_level text, p_by text, p_plant text,
  p_area text, p_line text, p_machine text)
RETURNS TABLE (plant text, machine text, place text[], key text[], planned bigint, known bigint, pbt bigint, apt bigint, asut bigint,
  adet bigint, aoet bigint, apat bigint, apwt bigint, failures bigint, good bigint, rejected bigint, ordered bigint, reworked bigint,
  cycles bigint, rework_parts bigint, first_pass bigint, priced numeric, production bigint) LANGUAGE sql STABLE AS $$
  WITH folded AS (
    SELECT m.plant, CASE p_level WHEN 'machine' THEN m.machine ELSE '' END AS machine, m.place, m.key,
      bool_or(serial) AS serial, max(bottleneck) AS bottleneck,
      sum(planned) FILTER (WHERE of_time) AS planned, sum(known) FILTER (WHERE of_time) AS known,
      sum(pbt) FILTER (WHERE of_time) AS pbt, sum(apt) FILTER (WHERE of_time) AS apt, sum(asut) FILTER (WHERE of_time) AS asut,
      sum(adet) FILTER (WHERE of_time) AS adet, sum(aoet) FILTER (WHERE of_time) AS aoet, sum(apat) FILTER (WHERE of_time) AS apat,
      sum(apwt) FILTER (WHERE of_time) AS apwt, sum(failures) FILTER (WHERE of_time) AS failures,
      sum(good) FILTER (WHERE of_parts) AS good, sum(rejected) FILTER (WHERE of_parts) AS rejected,
      sum(ordered) FILTER (WHERE of_parts) AS ordered,
      sum(reworked) FILTER (WHERE of_parts AND counts_rework) AS reworked, sum(cycles) FILTER (WHERE of_parts) AS cycles,
      sum(good + rejected) FILTER (WHERE of_parts AND counts_rework) AS rework_parts,
      sum(good - reworked) FILTER (WHERE of_parts AND counts_rework) AS first_pass,
      sum(priced) FILTER (WHERE of_parts AND effective) AS priced,
      sum(priced) FILTER (WHERE of_time AND effective) / nullif(sum(good + rejected) FILTER (WHERE of_time AND effective), 0) AS pri,
      sum(production) FILTER (WHERE of_time AND (effective OR serial)) AS production
    FROM kpi_machines(p_sink, p_from, p_to, p_level, p_by, p_plant, p_area, p_line, p_machine) AS m
    GROUP BY 1, 2, 3, 4
  )
  SELECT f.plant, f.machine, f.place, f.key, f.planned::bigint, f.known::bigint, f.pbt::bigint, f.apt::bigint, f.asut::bigint,
    f.adet::bigint, f.aoet::bigint, f.apat::bigint, f.apwt::bigint, f.failures::bigint, f.good::bigint, f.rejected::bigint,
    f.ordered::bigint, f.reworked::bigint, f.cycles::bigint, f.rework_parts::bigint, f.first_pass::bigint,
    CASE WHEN f.serial THEN coalesce(coalesce(f.pri, last.pri) * (f.good + f.rejected), f.priced) ELSE f.priced END,
    f.production::bigint
  FROM folded AS f LEFT JOIN LATERAL (
    SELECT p.planned_run_ns AS pri FROM production AS p
    WHERE f.serial AND p.sink = p_sink AND p.plant = f.plant AND p.machine = f.bottleneck AND p.source_time < p_to
      AND p.planned_run_ns IS NOT NULL
    ORDER BY p.source_time DESC LIMIT 1
  ) AS last ON true
$$;

-- One level of places, where it is the same for all.
CREATE OR REPLACE FUNCTION kpi_same(p_places text[], p_level integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN count(DISTINCT name) = 1 THEN max(name) ELSE '' END
  FROM (SELECT coalesce(p_places[n][p_level], '') AS name FROM generate_subscripts(p_places, 1) AS n) AS names
$$;

-- Calendars must be laid out for the whole window: planned time that is not known must not be taken for none.
CREATE OR REPLACE FUNCTION kpi_needs(p_sink text, p_from timestamptz, p_to timestamptz, p_plant text, p_machine text)
RETURNS TABLE (calendar text, since timestamptz, until timestamptz) LANGUAGE sql STABLE AS $$
  SELECT f.calendar_key, min(greatest(f.since, s.since)), max(least(f.until, p_to))
  FROM kpi_scope(p_sink, p_from, p_plant, p_machine) AS s JOIN kpi_in_force(p_sink, p_plant, p_machine) AS f USING (plant, machine)
  WHERE f.until > s.since AND f.since < p_to GROUP BY f.calendar_key
$$;

-- The figures of p_level (machine, line, area, plant, enterprise) in [p_from, p_to), told apart by p_by (shift, order, request, product,
-- reason or ''); p_plant, p_area, p_line and p_machine narrow what is counted, '' does not. What has not happened yet is not counted.
CREATE OR REPLACE FUNCTION kpis(p_sink text, p_from timestamptz, p_to timestamptz, p_level text, p_by text DEFAULT '',
  p_plant text DEFAULT '', p_area text DEFAULT '', p_line text DEFAULT '', p_machine text DEFAULT '')
RETURNS TABLE (enterprise text, site text, plant text, area text, line text, machine text, key text[],
  planned_us bigint, known_us bigint, pbt_us bigint, apt_us bigint, aupt_us bigint, asut_us bigint, adet_us bigint, aoet_us bigint,
  apat_us bigint, apwt_us bigint, production_us bigint, priced_ns numeric, failures bigint, pq bigint, gq bigint, sq bigint, rq bigint, cycles bigint,
  coverage double precision, availability double precision, effectiveness double precision, quality_ratio double precision,
  oee double precision, nee double precision, setup_rate double precision, scrap_ratio double precision,
  rework_ratio double precision, first_pass_yield double precision, throughput_per_hour double precision, mtbf_us double precision,
  mttr_us double precision, worker_efficiency double precision) LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_to timestamptz := least(p_to, now());
BEGIN
  IF EXISTS (
    SELECT FROM kpi_needs(p_sink, p_from, v_to, p_plant, p_machine) AS n LEFT JOIN calendars AS c USING (calendar)
    WHERE c.laid_from IS NULL OR c.fault = '' AND (c.laid_from > n.since OR c.laid_until < n.until)
  ) THEN
    RAISE EXCEPTION 'a calendar is not laid out for this time' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN QUERY
  WITH placed AS (
    SELECT i.*, CASE p_level WHEN 'enterprise' THEN '' ELSE i.plant END AS in_plant,
      CASE WHEN p_level = 'enterprise' THEN i.place[1:1] WHEN p_level = 'area' THEN i.place[3:3] WHEN p_level = 'line' THEN i.place[3:4]
        ELSE '{}' END AS within,
      CASE p_level WHEN 'enterprise' THEN 1 WHEN 'plant' THEN 2 WHEN 'area' THEN 3 ELSE 4 END AS depth
    FROM kpi_lines(p_sink, p_from, v_to, p_level, p_by, p_plant, p_area, p_line, p_machine) AS i
  ), level AS (
    SELECT array_agg(p.place[1:depth] ORDER BY p.place) AS places, p.in_plant, p.machine, p.key,
      sum(p.planned)::bigint AS planned, sum(p.known)::bigint AS known, sum(p.pbt)::bigint AS pbt, sum(p.apt)::bigint AS apt,
      sum(p.asut)::bigint AS asut, sum(p.adet)::bigint AS adet, sum(p.aoet)::bigint AS aoet, sum(p.apat)::bigint AS apat,
      sum(p.apwt)::bigint AS apwt, sum(p.failures)::bigint AS failures, sum(p.good)::bigint AS good,
      sum(p.rejected)::bigint AS rejected, sum(p.ordered)::bigint AS ordered, sum(p.reworked)::bigint AS reworked,
      sum(p.cycles)::bigint AS cycles, sum(p.rework_parts)::bigint AS rework_parts, sum(p.first_pass)::bigint AS first_pass,
      sum(p.priced) FILTER (WHERE p.production IS NOT NULL) AS priced,
      sum(p.production) FILTER (WHERE p.priced IS NOT NULL)::bigint AS production
    FROM placed AS p GROUP BY p.in_plant, p.within, p.machine, p.key
  ), ratio AS (
    SELECT l.*, l.apt::float8 / nullif(l.pbt, 0) AS a, l.priced::float8 / nullif(l.production::float8 * 1000, 0) AS e,
      l.good::float8 / nullif(l.good + l.rejected, 0) AS q
    FROM level AS l
  )
  SELECT kpi_same(r.places, 1), kpi_same(r.places, 2), r.in_plant, kpi_same(r.places, 3), kpi_same(r.places, 4), r.machine, r.key, r.planned, r.known, r.pbt, r.apt, r.apt + r.asut, r.asut, r.adet,
    r.aoet, r.apat, r.apwt, r.production, r.priced, r.failures, r.good + r.rejected, r.good, r.rejected, r.reworked, r.cycles,
    r.known::float8 / nullif(r.planned, 0), r.a, r.e, r.q, r.a * r.e * r.q, (r.apt + r.asut)::float8 / nullif(r.pbt, 0) * r.e * r.q,
    r.asut::float8 / nullif(r.apt + r.asut, 0), r.rejected::float8 / nullif(r.good + r.rejected, 0),
    r.reworked::float8 / nullif(r.rework_parts, 0), r.first_pass::float8 / nullif(r.rework_parts, 0),
    r.ordered::float8 * 3600000000 / nullif(r.aoet, 0), (r.pbt - r.adet)::float8 / nullif(r.failures, 0),
    r.adet::float8 / nullif(r.failures, 0), r.apwt::float8 / nullif(r.apat, 0)
  FROM ratio AS r ORDER BY r.in_plant, r.places, r.machine, r.key;
END $$;

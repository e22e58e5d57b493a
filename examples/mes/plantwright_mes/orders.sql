-- What is to be made, who works where and why machines stand, as people and systems have told it.
CREATE TABLE IF NOT EXISTS material_definitions (
  id text PRIMARY KEY,
  description text NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS work_requests (
  id text PRIMARY KEY,
  description text NOT NULL DEFAULT '',
  changed_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS job_orders (
  id text PRIMARY KEY,
  work_request_id text NOT NULL REFERENCES work_requests (id),
  plant text NOT NULL,
  equipment text NOT NULL,
  priority bigint,
  material_definition_id text NOT NULL DEFAULT '',
  material_lot_id text NOT NULL DEFAULT '',
  quantity double precision,
  start_time timestamptz,
  end_time timestamptz,
  CHECK (end_time > start_time),
  CHECK (start_time IS NOT NULL OR end_time IS NULL)
);
CREATE INDEX IF NOT EXISTS job_orders_by_machine ON job_orders (plant, equipment, start_time);
CREATE INDEX IF NOT EXISTS job_orders_by_request ON job_orders (work_request_id);

CREATE TABLE IF NOT EXISTS personnel_actuals (
  plant text NOT NULL,
  equipment text NOT NULL,
  person_id text NOT NULL,
  start_time timestamptz NOT NULL,
  end_time timestamptz CHECK (end_time > start_time),
  PRIMARY KEY (plant, equipment, person_id, start_time)
);

CREATE TABLE IF NOT EXISTS equipment_events (
  plant text NOT NULL,
  equipment text NOT NULL,
  reason text NOT NULL,
  start_time timestamptz NOT NULL,
  end_time timestamptz CHECK (end_time > start_time),
  PRIMARY KEY (plant, equipment, reason, start_time)
);

-- When a machine's schedule was last changed.
CREATE TABLE IF NOT EXISTS schedules (
  plant text NOT NULL,
  equipment text NOT NULL,
  changed_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (plant, equipment)
);

-- How a line's figures are made of its machines'; a line that is not here is parallel.
CREATE TABLE IF NOT EXISTS lines (
  plant text NOT NULL,
  area text NOT NULL,
  line text NOT NULL,
  flow text NOT NULL DEFAULT 'Parallel' CHECK (flow IN ('Parallel', 'Serial')),
  bottleneck text NOT NULL DEFAULT '',
  exit text NOT NULL DEFAULT '',
  PRIMARY KEY (plant, area, line),
  CHECK (flow = 'Parallel' OR (bottleneck <> '' AND exit <> ''))
);

-- Who asked for what and when, also what was refused. Rows are only ever added.
CREATE TABLE IF NOT EXISTS audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  status integer NOT NULL,
  body text NOT NULL
);
CREATE OR REPLACE FUNCTION only_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER audit_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION only_added();

-- Job orders whose confirmation is to be made (anew). A row for each cause: a cause that is not committed yet is not lost.
CREATE TABLE IF NOT EXISTS confirmations_due (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_order_id text NOT NULL,
  asked boolean NOT NULL DEFAULT false,
  time timestamptz NOT NULL DEFAULT now()
);

-- What the ERP is told. A revision never changes; what was wrong is told right by the next one.
CREATE TABLE IF NOT EXISTS confirmations (
  job_order_id text NOT NULL,
  revision integer NOT NULL,
  body jsonb NOT NULL,
  made_time timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  next_time timestamptz NOT NULL DEFAULT now(),
  sent_time timestamptz,
  answer text NOT NULL DEFAULT '',
  PRIMARY KEY (job_order_id, revision)
);
CREATE INDEX IF NOT EXISTS confirmations_unsent ON confirmations (next_time) WHERE sent_time IS NULL;

-- What is wrong in what was accepted. Of two job orders that overlap the later one counts from its begin on; gateways do the same.
CREATE OR REPLACE VIEW schedule_faults AS
WITH ordered AS (
  SELECT id, plant, equipment, start_time, end_time, lead(id) OVER next AS next_id, lead(start_time) OVER next AS next_start
  FROM job_orders WHERE start_time IS NOT NULL
  WINDOW next AS (PARTITION BY plant, equipment ORDER BY start_time, end_time, id)
), attended AS (
  SELECT *, lead(equipment) OVER next AS next_equipment, lead(start_time) OVER next AS next_start
  FROM personnel_actuals WINDOW next AS (PARTITION BY plant, person_id ORDER BY start_time, equipment)
)
SELECT 'Overlaps' AS reason, plant, equipment, id AS subject, 'it ends after ' || next_id || ' began' AS message, 'EndTime' AS field
FROM ordered WHERE end_time > next_start
UNION ALL
SELECT 'NeverEnds', plant, equipment, id, coalesce('it has no end, and ' || next_id || ' began after it', 'it has had no end for days'),
  'EndTime'
FROM ordered WHERE end_time IS NULL AND (next_id IS NOT NULL OR start_time < now() - interval '7 days')
UNION ALL
SELECT 'NeverLoggedOff', plant, equipment, person_id,
  coalesce('logged on at ' || next_equipment || ' since, and never off here', 'logged on for more than 16 hours'), 'Action'
FROM attended WHERE end_time IS NULL AND (next_equipment IS NOT NULL OR start_time < now() - interval '16 hours')
UNION ALL
SELECT 'UnknownMaterial', plant, equipment, id, 'no material definition ' || material_definition_id, 'MaterialDefinitionID'
FROM job_orders AS j WHERE material_definition_id <> '' AND EXISTS (SELECT FROM material_definitions)
  AND NOT EXISTS (SELECT FROM material_definitions AS m WHERE m.id = j.material_definition_id)
UNION ALL
SELECT 'UnknownEquipment', plant, equipment, id, 'no machine ' || equipment || ' has ever delivered', 'EquipmentID'
FROM job_orders AS j WHERE NOT EXISTS (SELECT FROM equipment AS e WHERE e.plant = j.plant AND e.machine = j.equipment);

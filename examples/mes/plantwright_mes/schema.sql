-- One stream is what one gateway buffer sent to one sink: HTTP and MQTT deliveries of the same buffer are kept apart,
-- each with its own watermark and its own rows, so that each can be judged alone. Queries name the sink.
CREATE TABLE IF NOT EXISTS streams (
  sink text NOT NULL,
  uid text NOT NULL,
  epoch text NOT NULL,
  watermark bigint NOT NULL DEFAULT 0,
  plant text NOT NULL DEFAULT '',
  machine text NOT NULL DEFAULT '',
  received bigint NOT NULL DEFAULT 0,
  stored bigint NOT NULL DEFAULT 0,
  ignored bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  holes bigint NOT NULL DEFAULT 0,
  observations bigint NOT NULL DEFAULT 0,
  first_time timestamptz NOT NULL DEFAULT now(),
  last_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sink, uid, epoch)
);

-- What every event carries. This table holds no rows: those of each kind are laid out like it.
-- The primary keys below remove no duplicate: the watermark does. They turn a fault of the watermark into an error.
CREATE TABLE IF NOT EXISTS event (
  sink text NOT NULL,
  uid text NOT NULL,
  epoch text NOT NULL,
  seq bigint NOT NULL,
  plant text NOT NULL,
  machine text NOT NULL,
  source_time timestamptz NOT NULL,
  recorded_time timestamptz NOT NULL,
  stored_time timestamptz NOT NULL DEFAULT now(),
  config text NOT NULL,
  PRIMARY KEY (sink, uid, epoch, seq)
);

CREATE TABLE IF NOT EXISTS observations (
  LIKE event INCLUDING ALL,
  contract text NOT NULL,
  version text NOT NULL,
  fields jsonb NOT NULL,
  quality jsonb NOT NULL,
  flags jsonb NOT NULL,
  context jsonb NOT NULL
);
-- Values that came out of a gateway's quarantine, and so late.
ALTER TABLE observations ADD COLUMN IF NOT EXISTS replayed boolean NOT NULL DEFAULT false;
CREATE INDEX IF NOT EXISTS observations_by_machine ON observations (machine, plant, sink);

CREATE TABLE IF NOT EXISTS gaps (
  LIKE event INCLUDING ALL,
  reason text NOT NULL,
  start_time timestamptz NOT NULL,
  end_time timestamptz NOT NULL,
  count bigint,
  signals text[] NOT NULL,
  message text NOT NULL
);
CREATE INDEX IF NOT EXISTS gaps_by_machine ON gaps (machine, plant, sink);

CREATE TABLE IF NOT EXISTS configurations (
  LIKE event INCLUDING ALL,
  profile text NOT NULL,
  contracts jsonb NOT NULL,
  gateway_version text NOT NULL,
  asset jsonb NOT NULL
);
-- Days for which data is kept, by contract.
ALTER TABLE configurations ADD COLUMN IF NOT EXISTS retention jsonb NOT NULL DEFAULT '{}';

CREATE TABLE IF NOT EXISTS quarantine (
  LIKE event INCLUDING ALL,
  contract text NOT NULL,
  version text NOT NULL,
  field text NOT NULL,
  signal text NOT NULL,
  value text NOT NULL,
  reason text NOT NULL
);
-- When the value came after all, replayed by the gateway; null while it is missing.
ALTER TABLE quarantine ADD COLUMN IF NOT EXISTS released_time timestamptz;
CREATE INDEX IF NOT EXISTS quarantine_by_value ON quarantine (uid, contract, field, source_time);
CREATE INDEX IF NOT EXISTS quarantine_by_machine ON quarantine (machine, plant, sink);

-- Events that will never be stored. Kept, so that a gateway whose receipt was lost still learns of them.
CREATE TABLE IF NOT EXISTS rejections (
  sink text NOT NULL,
  uid text NOT NULL,
  epoch text NOT NULL,
  seq bigint NOT NULL,
  reason text NOT NULL,
  event text NOT NULL,
  stored_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sink, uid, epoch, seq)
);

-- Stretches of an MQTT stream that never arrived; HTTP has none, since it sends the gateway back.
CREATE TABLE IF NOT EXISTS holes (
  sink text NOT NULL,
  uid text NOT NULL,
  epoch text NOT NULL,
  after_seq bigint NOT NULL,
  upto_seq bigint NOT NULL,
  stored_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sink, uid, epoch, after_seq)
);

-- The last known value of every field, for the page that people look at.
CREATE TABLE IF NOT EXISTS latest (
  sink text NOT NULL,
  plant text NOT NULL,
  machine text NOT NULL,
  contract text NOT NULL,
  source_time timestamptz NOT NULL,
  fields jsonb NOT NULL,
  PRIMARY KEY (sink, plant, machine, contract)
);

-- Where the machine stands (ISA-95), and when its plant works, as JSON; from this configuration's time on.
ALTER TABLE configurations ADD COLUMN IF NOT EXISTS place jsonb NOT NULL DEFAULT '{}';
ALTER TABLE configurations ADD COLUMN IF NOT EXISTS calendar jsonb NOT NULL DEFAULT '{}';
ALTER TABLE configurations ADD COLUMN IF NOT EXISTS calendar_key text GENERATED ALWAYS AS (md5(calendar::text)) STORED;
CREATE INDEX IF NOT EXISTS configurations_by_time ON configurations (sink, plant, machine, source_time, seq);

-- What is so of a machine from a time on: its state, its job order, who works at it, why it stands.
CREATE TABLE IF NOT EXISTS changes (
  LIKE event INCLUDING ALL,
  of text NOT NULL,
  value text NOT NULL,
  origin text NOT NULL,
  previous text NOT NULL,
  code text NOT NULL,
  confidence double precision,
  context jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS changes_by_time ON changes (sink, plant, machine, of, source_time, seq, recorded_time);

-- Parts made since the row before; `reworked` and `planned_run_ns` (PRI) are null where the machine does not tell them.
CREATE TABLE IF NOT EXISTS production (
  LIKE event INCLUDING ALL,
  good bigint NOT NULL,
  rejected bigint NOT NULL,
  reworked bigint,
  planned_run_ns bigint,
  context jsonb NOT NULL
);
-- Cycles of a load, which are no parts; null where none were told.
ALTER TABLE production ADD COLUMN IF NOT EXISTS cycles bigint;
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_indexes WHERE schemaname = current_schema() AND indexname = 'production_by_time'
    AND indexdef NOT LIKE '%cycles%') THEN DROP INDEX production_by_time; END IF;
END $$;
CREATE INDEX IF NOT EXISTS production_by_time ON production (sink, plant, machine, source_time)
  INCLUDE (good, rejected, reworked, planned_run_ns, cycles);

-- What is known of each machine as a whole. `heard_time`: until then its gateway has told what it knew. `counts_rework` and
-- `counts_planned`: it has ever told reworked parts, and a planned run time per item.
CREATE TABLE IF NOT EXISTS equipment (
  sink text NOT NULL,
  plant text NOT NULL,
  machine text NOT NULL,
  place jsonb NOT NULL,
  heard_time timestamptz NOT NULL,
  counts_rework boolean NOT NULL DEFAULT false,
  counts_planned boolean NOT NULL DEFAULT false,
  PRIMARY KEY (sink, plant, machine)
);

-- From when on its changes and production are kept: what was before may be gone, so that no figure is made of it.
ALTER TABLE equipment ADD COLUMN IF NOT EXISTS kept_from timestamptz NOT NULL DEFAULT '-infinity';

-- Rows that name somebody, until that is forgotten.
CREATE OR REPLACE FUNCTION names_somebody(p_of text, p_value text, p_previous text, p_code text, p_context jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT p_context ? 'person' OR p_of = 'Person' AND (
    p_value NOT IN ('', '(forgotten)') OR p_previous NOT IN ('', '(forgotten)') OR p_code <> '')
$$;
CREATE INDEX IF NOT EXISTS changes_naming_somebody ON changes (sink, plant, machine, source_time)
  WHERE names_somebody(of, value, previous, code, context);
CREATE INDEX IF NOT EXISTS production_naming_somebody ON production (sink, plant, machine, source_time) WHERE context ? 'person';

-- A part's own history, by its serial number.
CREATE INDEX IF NOT EXISTS observations_by_serial ON observations USING hash ((context ->> 'serialNumber'));
CREATE INDEX IF NOT EXISTS changes_by_serial ON changes USING hash ((context ->> 'serialNumber'));
CREATE INDEX IF NOT EXISTS production_by_serial ON production USING hash ((context ->> 'serialNumber'));

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

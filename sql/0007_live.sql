-- The live engine's ledger: how far each stream has been counted, and what was counted since.
--
-- A stream is one monitor under one configuration and baseline, consumed by one group. A lane owns
-- partitions and commits, in one transaction, how far it has got (live_position) and what it added
-- to panes of event time (pane_delta, append-only). A judge reads both in one snapshot, judges
-- windows, and folds panes that nothing can be added to any more into pane_state.
SET LOCAL ROLE driftgauge_owner;

CREATE TABLE driftgauge.live_stream (
    stream_id        integer     PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant_id        smallint    NOT NULL,
    consumer_group   text        NOT NULL,
    monitor_id       integer     NOT NULL,
    config_id        integer     NOT NULL REFERENCES driftgauge.config_version,
    baseline_version text        NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    UNIQUE (tenant_id, stream_id),
    FOREIGN KEY (tenant_id, monitor_id) REFERENCES driftgauge.monitor (tenant_id, monitor_id)
);
CREATE UNIQUE INDEX live_stream_current ON driftgauge.live_stream (tenant_id, consumer_group, monitor_id)
    WHERE ended_at IS NULL;
COMMENT ON TABLE driftgauge.live_stream IS 'One row per monitor, configuration, baselines and consumer group that was run live. One per group and monitor goes on; the others have ended.';
COMMENT ON COLUMN driftgauge.live_stream.stream_id IS 'Number used in the other live tables.';
COMMENT ON COLUMN driftgauge.live_stream.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.live_stream.consumer_group IS 'Kafka consumer group.';
COMMENT ON COLUMN driftgauge.live_stream.monitor_id IS 'Which monitor.';
COMMENT ON COLUMN driftgauge.live_stream.config_id IS 'Under which configuration.';
COMMENT ON COLUMN driftgauge.live_stream.baseline_version IS 'Identity of its baseline files; empty without any.';
COMMENT ON COLUMN driftgauge.live_stream.started_at IS 'When it was first seen here.';
COMMENT ON COLUMN driftgauge.live_stream.ended_at IS 'When another configuration or baseline took its place; null: it goes on.';

CREATE TABLE driftgauge.live_partition (
    partition_id   integer     PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant_id      smallint    NOT NULL REFERENCES driftgauge.tenant,
    consumer_group text        NOT NULL,
    topic          text        NOT NULL,
    partition      integer     NOT NULL,
    epoch          bigint      NOT NULL DEFAULT 1,
    owner          text        NOT NULL,
    acquired_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, consumer_group, topic, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE driftgauge.live_partition IS 'Who owns a partition in a group. Each new owner raises the epoch; nobody commits under an older one.';
COMMENT ON COLUMN driftgauge.live_partition.partition_id IS 'Number used by owners.';
COMMENT ON COLUMN driftgauge.live_partition.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.live_partition.consumer_group IS 'Kafka consumer group.';
COMMENT ON COLUMN driftgauge.live_partition.topic IS 'Kafka topic.';
COMMENT ON COLUMN driftgauge.live_partition.partition IS 'Number of the partition.';
COMMENT ON COLUMN driftgauge.live_partition.epoch IS 'How often it has had a new owner.';
COMMENT ON COLUMN driftgauge.live_partition.owner IS 'The present one: host:process/lane.';
COMMENT ON COLUMN driftgauge.live_partition.acquired_at IS 'Since when.';

CREATE TABLE driftgauge.live_position (
    position_id  integer     PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant_id    smallint    NOT NULL,
    stream_id    integer     NOT NULL,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    seq          bigint      NOT NULL DEFAULT 0,
    next_offset  bigint      NOT NULL DEFAULT -1,
    warm_offset  bigint      NOT NULL DEFAULT -1,
    tail         bigint      NOT NULL DEFAULT 0,
    first_us     bigint,
    max_us       bigint,
    idle         boolean     NOT NULL DEFAULT false,
    appeared     boolean     NOT NULL DEFAULT true,
    state        bytea       NOT NULL DEFAULT '',
    committed_at timestamptz,
    UNIQUE (stream_id, topic, partition),
    FOREIGN KEY (tenant_id, stream_id) REFERENCES driftgauge.live_stream (tenant_id, stream_id) ON DELETE CASCADE
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0,
        toast.autovacuum_vacuum_threshold = 500, toast.autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE driftgauge.live_position IS 'How far a stream has been counted in a partition. Updated by every commit, together with the panes that it adds to.';
COMMENT ON COLUMN driftgauge.live_position.position_id IS 'Number used in pane_delta.';
COMMENT ON COLUMN driftgauge.live_position.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.live_position.stream_id IS 'Which stream.';
COMMENT ON COLUMN driftgauge.live_position.topic IS 'Kafka topic.';
COMMENT ON COLUMN driftgauge.live_position.partition IS 'Number of the partition.';
COMMENT ON COLUMN driftgauge.live_position.seq IS 'Commits so far.';
COMMENT ON COLUMN driftgauge.live_position.next_offset IS 'Every record before this offset has been counted, once; -1: none yet.';
COMMENT ON COLUMN driftgauge.live_position.warm_offset IS 'Where reading begins again after a restart, to learn again the ids of panes that are still open.';
COMMENT ON COLUMN driftgauge.live_position.tail IS 'Fingerprint of the last counted record, to notice a topic that was made anew; 0: none.';
COMMENT ON COLUMN driftgauge.live_position.first_us IS 'Least event time, microseconds since 1970; null before any.';
COMMENT ON COLUMN driftgauge.live_position.max_us IS 'Newest confirmed event time, microseconds since 1970; null before any.';
COMMENT ON COLUMN driftgauge.live_position.idle IS 'The broker confirmed that nothing stands behind next_offset: windows do not wait for this partition.';
COMMENT ON COLUMN driftgauge.live_position.appeared IS 'The partition was not there when the stream began: it is read from its beginning, whatever the start policy.';
COMMENT ON COLUMN driftgauge.live_position.state IS 'What deciding about the next record needs beyond the columns here.';
COMMENT ON COLUMN driftgauge.live_position.committed_at IS 'When it was last updated; null: never.';

CREATE TABLE driftgauge.live_group (
    stream_id integer  NOT NULL,
    group_no  integer  NOT NULL,
    tenant_id smallint NOT NULL,
    version   text     NOT NULL,
    variant   text     NOT NULL,
    PRIMARY KEY (stream_id, group_no),
    FOREIGN KEY (tenant_id, stream_id) REFERENCES driftgauge.live_stream (tenant_id, stream_id) ON DELETE CASCADE
);
COMMENT ON TABLE driftgauge.live_group IS 'Model versions and variants of a stream, by the numbers that its panes use.';
COMMENT ON COLUMN driftgauge.live_group.stream_id IS 'Which stream.';
COMMENT ON COLUMN driftgauge.live_group.group_no IS 'From 0, without gaps.';
COMMENT ON COLUMN driftgauge.live_group.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.live_group.version IS 'Model version; empty without such a column.';
COMMENT ON COLUMN driftgauge.live_group.variant IS 'Variant; empty without such a column.';

-- A commit's rows carry the number of its first position of their stream, and that position's seq:
-- what a judge has not seen is what carries a higher seq than that position had when it last looked.
-- No sequence of the database would do, since transactions do not commit in its order. No foreign
-- keys and no unique index: positions, which are compared and set, keep a commit from coming twice.
-- Rows are as large as fits a page beside the keys, are dense already, and stay out of TOAST.
CREATE TABLE driftgauge.pane_delta (
    seq         bigint   NOT NULL,
    pane_us     bigint   NOT NULL,
    position_id integer  NOT NULL,
    stream_id   integer  NOT NULL,
    tenant_id   smallint NOT NULL,
    body        bytea    NOT NULL
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.1,
        toast.autovacuum_vacuum_threshold = 1000, toast.autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE driftgauge.pane_delta ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX pane_delta_new ON driftgauge.pane_delta (position_id, seq);
CREATE INDEX pane_delta_pane ON driftgauge.pane_delta (stream_id, pane_us);
COMMENT ON TABLE driftgauge.pane_delta IS 'What commits added to panes of event time. Rows are added, read, and deleted once their pane is settled.';
COMMENT ON COLUMN driftgauge.pane_delta.seq IS 'The commit''s number there: seq of that position after the commit.';
COMMENT ON COLUMN driftgauge.pane_delta.pane_us IS 'Start of the pane, microseconds since 1970.';
COMMENT ON COLUMN driftgauge.pane_delta.position_id IS 'The commit''s first position of this stream, by topic and partition.';
COMMENT ON COLUMN driftgauge.pane_delta.stream_id IS 'Which stream.';
COMMENT ON COLUMN driftgauge.pane_delta.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.pane_delta.body IS 'States of many series, packed, with a checksum.';

CREATE TABLE driftgauge.pane_state (
    pane_us   bigint   NOT NULL,
    stream_id integer  NOT NULL,
    tenant_id smallint NOT NULL,
    body      bytea    NOT NULL
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.1,
        toast.autovacuum_vacuum_threshold = 1000, toast.autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE driftgauge.pane_state ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX pane_state_pane ON driftgauge.pane_state (stream_id, pane_us);
COMMENT ON TABLE driftgauge.pane_state IS 'Settled panes, their deltas merged: nothing can be added to them. Deleted when no window needs them.';
COMMENT ON COLUMN driftgauge.pane_state.pane_us IS 'Start of the pane, microseconds since 1970.';
COMMENT ON COLUMN driftgauge.pane_state.stream_id IS 'Which stream.';
COMMENT ON COLUMN driftgauge.pane_state.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.pane_state.body IS 'States of many series, packed, with a checksum.';

CREATE TABLE driftgauge.live_checkpoint (
    stream_id integer     PRIMARY KEY,
    tenant_id smallint    NOT NULL,
    saved_at  timestamptz NOT NULL DEFAULT now(),
    state     bytea       NOT NULL,
    FOREIGN KEY (tenant_id, stream_id) REFERENCES driftgauge.live_stream (tenant_id, stream_id) ON DELETE CASCADE
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0,
        toast.autovacuum_vacuum_threshold = 500, toast.autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE driftgauge.live_checkpoint IS 'Where a stream''s judge goes on after a restart: which windows were judged, what its rules remember.';
COMMENT ON COLUMN driftgauge.live_checkpoint.stream_id IS 'Which stream.';
COMMENT ON COLUMN driftgauge.live_checkpoint.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.live_checkpoint.saved_at IS 'When it was written.';
COMMENT ON COLUMN driftgauge.live_checkpoint.state IS 'The judge''s memory, with a checksum.';

CREATE TABLE driftgauge.live_gap (
    gap_id      bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant_id   smallint    NOT NULL,
    stream_id   integer     NOT NULL,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    from_offset bigint      NOT NULL,
    to_offset   bigint,
    reason      text        NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, stream_id) REFERENCES driftgauge.live_stream (tenant_id, stream_id) ON DELETE CASCADE
);
CREATE INDEX live_gap_stream ON driftgauge.live_gap (stream_id, seen_at);
COMMENT ON TABLE driftgauge.live_gap IS 'Records that a stream''s results lack, and why. Rows are added by the commit that passes them.';
COMMENT ON COLUMN driftgauge.live_gap.gap_id IS 'Order of entry.';
COMMENT ON COLUMN driftgauge.live_gap.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.live_gap.stream_id IS 'Which stream.';
COMMENT ON COLUMN driftgauge.live_gap.topic IS 'Kafka topic.';
COMMENT ON COLUMN driftgauge.live_gap.partition IS 'Number of the partition.';
COMMENT ON COLUMN driftgauge.live_gap.from_offset IS 'First offset that is lacking.';
COMMENT ON COLUMN driftgauge.live_gap.to_offset IS 'First offset that is there again; null: not known.';
COMMENT ON COLUMN driftgauge.live_gap.reason IS 'retention, truncated, recreated; unrevised: counted, but too late for the windows it belongs to.';
COMMENT ON COLUMN driftgauge.live_gap.seen_at IS 'When it was written down.';

-- Who may do what: as 0005. Locking a row needs the right to update some column of it.
DO $$
DECLARE
    covered name;
BEGIN
    FOREACH covered IN ARRAY ARRAY['live_stream', 'live_partition', 'live_position', 'live_group',
                                   'pane_delta', 'pane_state', 'live_checkpoint', 'live_gap']::name[] LOOP
        EXECUTE format('ALTER TABLE driftgauge.%I ENABLE ROW LEVEL SECURITY', covered);
        EXECUTE format('CREATE POLICY tenant ON driftgauge.%I USING '
                       '(tenant_id = ANY ((SELECT driftgauge.my_tenants())::smallint[]))', covered);
        EXECUTE format('GRANT SELECT, INSERT ON driftgauge.%I TO driftgauge_writer', covered);
    END LOOP;
END
$$;
GRANT SELECT ON driftgauge.live_stream, driftgauge.live_partition, driftgauge.live_position,
    driftgauge.live_gap TO driftgauge_reader;
GRANT UPDATE (ended_at) ON driftgauge.live_stream TO driftgauge_writer;
GRANT UPDATE ON driftgauge.live_partition, driftgauge.live_position, driftgauge.live_checkpoint TO driftgauge_writer;
GRANT DELETE ON driftgauge.pane_delta, driftgauge.pane_state, driftgauge.live_checkpoint TO driftgauge_writer;

-- What is left of streams that ended.
CREATE FUNCTION driftgauge.forget_streams(cutoff timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended     integer[] := ARRAY(SELECT stream_id FROM driftgauge.live_stream WHERE ended_at IS NOT NULL);
    forgotten integer;
BEGIN
    DELETE FROM driftgauge.pane_delta WHERE stream_id = ANY (ended);
    DELETE FROM driftgauge.pane_state WHERE stream_id = ANY (ended);
    DELETE FROM driftgauge.live_checkpoint WHERE stream_id = ANY (ended);
    DELETE FROM driftgauge.live_gap WHERE seen_at < cutoff;
    WITH gone AS (DELETE FROM driftgauge.live_stream WHERE ended_at < cutoff RETURNING *)
    INSERT INTO driftgauge.audit_log (tenant_id, action, object, detail)
    SELECT g.tenant_id, 'stream.forgotten', m.name,
           jsonb_build_object('stream', g.stream_id, 'group', g.consumer_group, 'ended_at', g.ended_at)
      FROM gone g JOIN driftgauge.monitor m USING (monitor_id);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    DELETE FROM driftgauge.live_partition p
     WHERE p.acquired_at < cutoff
       AND NOT EXISTS (SELECT FROM driftgauge.live_stream s
                        WHERE s.tenant_id = p.tenant_id AND s.consumer_group = p.consumer_group);
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION driftgauge.forget_streams(timestamptz) IS 'Delete the panes of streams that ended, and gaps and whole streams that did before the cutoff; how many streams.';

CREATE FUNCTION driftgauge.end_stream(stream integer) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM driftgauge.live_stream WHERE stream_id = stream FOR UPDATE; -- after commits under way
    WITH ended AS (UPDATE driftgauge.live_stream SET ended_at = clock_timestamp()
                    WHERE stream_id = stream AND ended_at IS NULL RETURNING *)
    INSERT INTO driftgauge.audit_log (tenant_id, action, object, detail)
    SELECT e.tenant_id, 'stream.ended', m.name,
           jsonb_build_object('stream', e.stream_id, 'group', e.consumer_group)
      FROM ended e JOIN driftgauge.monitor m USING (monitor_id);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION driftgauge.end_stream(integer) IS 'End the stream of a monitor that is no longer run: its panes go with the next retention. False if there is none, or it has ended.';

CREATE OR REPLACE FUNCTION driftgauge.retention(older_than interval) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part    record;
    dropped integer := 0;
BEGIN
    IF older_than < interval '1 day' THEN
        RAISE EXCEPTION 'retention of less than a day: %', older_than USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR part IN SELECT c.name FROM driftgauge.retention_candidates(now() - older_than) c WHERE c.kept_for IS NULL LOOP
        IF driftgauge.drop_partition(part.name) THEN
            dropped := dropped + 1;
        END IF;
    END LOOP;
    PERFORM driftgauge.forget_streams(now() - older_than);
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION driftgauge.retention(interval) IS 'Drop partitions of results older than this and what is left of live streams that ended, all in one transaction, for schedulers inside the database; how many partitions. driftgauge db retention does the same one by one.';

REVOKE ALL ON FUNCTION driftgauge.forget_streams(timestamptz), driftgauge.end_stream(integer),
    driftgauge.retention(interval) FROM PUBLIC;

CREATE VIEW driftgauge_view.live_stream WITH (security_invoker = true) AS
SELECT s.started_at AS time, s.stream_id AS stream, m.name AS monitor, s.consumer_group,
       c.hash AS config_hash, s.baseline_version, s.started_at, s.ended_at
  FROM driftgauge.live_stream s
  JOIN driftgauge.monitor m ON m.monitor_id = s.monitor_id
  JOIN driftgauge.config_version c ON c.config_id = s.config_id;
COMMENT ON VIEW driftgauge_view.live_stream IS 'Monitors that are or were run live: under which configuration, since when, until when.';

CREATE VIEW driftgauge_view.live_position WITH (security_invoker = true) AS
SELECT p.committed_at AS time, p.stream_id AS stream, m.name AS monitor, s.consumer_group, p.topic,
       p.partition, nullif(p.next_offset, -1) AS next_offset,
       CASE WHEN p.max_us BETWEEN -210000000000000000 AND 9000000000000000000
            THEN timestamptz 'epoch' + p.max_us * interval '1 microsecond' END AS newest_event,
       p.idle, o.owner, o.acquired_at, p.committed_at, p.seq AS commits
  FROM driftgauge.live_position p
  JOIN driftgauge.live_stream s ON s.stream_id = p.stream_id AND s.ended_at IS NULL
  JOIN driftgauge.monitor m ON m.monitor_id = s.monitor_id
  LEFT JOIN driftgauge.live_partition o
         ON o.tenant_id = s.tenant_id AND o.consumer_group = s.consumer_group
        AND o.topic = p.topic AND o.partition = p.partition;
COMMENT ON VIEW driftgauge_view.live_position IS 'How far each running stream has been counted in each partition, and who counts.';

CREATE VIEW driftgauge_view.live_gap WITH (security_invoker = true) AS
SELECT g.seen_at AS time, g.stream_id AS stream, m.name AS monitor, s.consumer_group, g.topic,
       g.partition, g.from_offset, g.to_offset, g.reason
  FROM driftgauge.live_gap g
  JOIN driftgauge.live_stream s ON s.stream_id = g.stream_id
  JOIN driftgauge.monitor m ON m.monitor_id = s.monitor_id;
COMMENT ON VIEW driftgauge_view.live_gap IS 'Records that live results lack, and why.';

-- Columns mean what those of the same name in the tables mean; the rest is said here.
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.relname AS view_name, a.attname AS column_name,
               coalesce(own.meaning, col_description(t.oid, b.attnum)) AS meaning
          FROM pg_class v
          JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
          LEFT JOIN (VALUES
               ('live_stream', 'time', 'When the stream began.'),
               ('live_position', 'time', 'When it was last updated; null: never.'),
               ('live_gap', 'time', 'When it was written down.'),
               (NULL, 'stream', 'Number of the stream.'),
               (NULL, 'monitor', 'Name of the monitor.'),
               (NULL, 'consumer_group', 'Kafka consumer group.'),
               (NULL, 'config_hash', 'What the configuration means, as 16 hex digits.'),
               ('live_position', 'next_offset', 'Every record before this offset has been counted, once; null: none yet.'),
               ('live_position', 'newest_event', 'Newest confirmed event time; null before any.'),
               ('live_position', 'owner', 'Who counts it: host:process/lane.'),
               ('live_position', 'acquired_at', 'Since when.'),
               ('live_position', 'commits', 'Commits so far.')
               ) AS own (view_name, column_name, meaning)
                 ON own.column_name = a.attname AND coalesce(own.view_name, v.relname) = v.relname
          LEFT JOIN pg_class t ON t.relname = v.relname AND t.relnamespace = 'driftgauge'::regnamespace
          LEFT JOIN pg_attribute b ON b.attrelid = t.oid AND b.attname = a.attname
         WHERE v.relnamespace = 'driftgauge_view'::regnamespace
           AND v.relname IN ('live_stream', 'live_position', 'live_gap')
    LOOP
        EXECUTE format('COMMENT ON COLUMN driftgauge_view.%I.%I IS %L', c.view_name, c.column_name, c.meaning);
    END LOOP;
END
$$;

GRANT SELECT ON driftgauge_view.live_stream, driftgauge_view.live_position, driftgauge_view.live_gap
    TO driftgauge_reader, driftgauge_writer;

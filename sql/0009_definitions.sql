-- What a stream is made of, so that its last windows can be judged when its files are gone: a monitor or
-- a baseline that was changed while no process ran.
SET LOCAL ROLE driftgauge_owner;

CREATE TABLE driftgauge.live_definition (
    stream_id integer  NOT NULL,
    part      text     NOT NULL,
    tenant_id smallint NOT NULL,
    body      text     NOT NULL,
    PRIMARY KEY (stream_id, part),
    FOREIGN KEY (tenant_id, stream_id) REFERENCES driftgauge.live_stream (tenant_id, stream_id) ON DELETE CASCADE
);
COMMENT ON TABLE driftgauge.live_definition IS 'What a running stream is made of: its monitor and its baseline files as they were when it began.';
COMMENT ON COLUMN driftgauge.live_definition.stream_id IS 'Which stream.';
COMMENT ON COLUMN driftgauge.live_definition.part IS 'Empty: the monitor file; else the baseline of that name.';
COMMENT ON COLUMN driftgauge.live_definition.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.live_definition.body IS 'The monitor as `driftgauge config show` prints it; a baseline as the JSON of its file.';

ALTER TABLE driftgauge.live_definition ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON driftgauge.live_definition USING
    (tenant_id = ANY ((SELECT driftgauge.my_tenants())::smallint[]));
GRANT SELECT, INSERT, DELETE ON driftgauge.live_definition TO driftgauge_writer;

CREATE OR REPLACE FUNCTION driftgauge.forget_streams(cutoff timestamptz) RETURNS integer
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
    DELETE FROM driftgauge.live_definition WHERE stream_id = ANY (ended);
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

-- Panes that are counted and where a judge stands go with their stream, too: with rows of them deleted by
-- hand, the next process judged windows that were right before anew from what was left, and said nothing.
-- A judge deletes what nobody needs, and says so by SET LOCAL driftgauge.save = 'judge'.
SET LOCAL ROLE driftgauge_owner;

CREATE FUNCTION driftgauge.live_keep_counts() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'driftgauge.% holds what windows are judged from: delete rows of live_stream instead', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM driftgauge.live_stream WHERE stream_id = OLD.stream_id AND ended_at IS NULL) THEN
        RAISE EXCEPTION 'driftgauge.% holds what windows of stream % are judged from: delete its row of live_stream instead',
            TG_TABLE_NAME, OLD.stream_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION driftgauge.live_keep_counts() IS 'Trigger: what windows of a stream that goes on are judged from is deleted by its judge only.';
REVOKE ALL ON FUNCTION driftgauge.live_keep_counts() FROM PUBLIC;

CREATE TRIGGER keep BEFORE DELETE ON driftgauge.pane_delta FOR EACH ROW
    WHEN (current_setting('driftgauge.save', true) IS DISTINCT FROM 'judge') EXECUTE FUNCTION driftgauge.live_keep_counts();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON driftgauge.pane_delta EXECUTE FUNCTION driftgauge.live_keep_counts();
CREATE TRIGGER keep BEFORE DELETE ON driftgauge.pane_state FOR EACH ROW
    WHEN (current_setting('driftgauge.save', true) IS DISTINCT FROM 'judge') EXECUTE FUNCTION driftgauge.live_keep_counts();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON driftgauge.pane_state EXECUTE FUNCTION driftgauge.live_keep_counts();
CREATE TRIGGER keep BEFORE DELETE ON driftgauge.live_checkpoint FOR EACH ROW EXECUTE FUNCTION driftgauge.live_keep_counts();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON driftgauge.live_checkpoint EXECUTE FUNCTION driftgauge.live_keep_counts();

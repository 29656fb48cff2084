-- Rows that say what a number or an offset means for what has been counted already. Without them the
-- counts that are there would be read wrongly, or come twice: they go with their stream, and only so.
-- Who knows better can still switch triggers off.
SET LOCAL ROLE driftgauge_owner;

CREATE FUNCTION driftgauge.live_keep() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'driftgauge.% belongs to what was counted: delete rows of live_stream instead', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM driftgauge.live_stream WHERE stream_id = OLD.stream_id) THEN
        RAISE EXCEPTION 'driftgauge.% belongs to what was counted of stream %: delete its row of live_stream instead',
            TG_TABLE_NAME, OLD.stream_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION driftgauge.live_keep() IS 'Trigger: rows that counts depend on go with their stream only.';
REVOKE ALL ON FUNCTION driftgauge.live_keep() FROM PUBLIC;

CREATE TRIGGER keep BEFORE DELETE ON driftgauge.live_group FOR EACH ROW EXECUTE FUNCTION driftgauge.live_keep();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON driftgauge.live_group EXECUTE FUNCTION driftgauge.live_keep();
CREATE TRIGGER keep BEFORE DELETE ON driftgauge.live_position FOR EACH ROW EXECUTE FUNCTION driftgauge.live_keep();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON driftgauge.live_position EXECUTE FUNCTION driftgauge.live_keep();

-- Who makes partitions, of what length, and who drops them.
--
-- A day has a partition of its own from the start of the last month to the end of the next one, so
-- that retention is exact where live rows arrive. Older and later months have one partition each:
-- replaying ten years makes 120 partitions, not 3,650. A month that already has days stays in days.
-- The default partition is a safety net and should be empty; what it holds moves out as soon as the
-- proper partition is made.
SET LOCAL ROLE driftgauge_owner;

CREATE TABLE driftgauge.series_result_default PARTITION OF driftgauge.series_result DEFAULT;
CREATE TABLE driftgauge.slice_result_default PARTITION OF driftgauge.slice_result DEFAULT;
COMMENT ON TABLE driftgauge.series_result_default IS 'Safety net: rows whose partition was missing. Should be empty.';
COMMENT ON TABLE driftgauge.slice_result_default IS 'Safety net: rows whose partition was missing. Should be empty.';

CREATE VIEW driftgauge.result_partition WITH (security_invoker = true) AS
SELECT p.relname AS parent, c.relname AS name, c.oid AS relation, bound.lower, bound.upper,
       c.reltuples::bigint AS rows_estimated, pg_catalog.pg_total_relation_size(c.oid) AS bytes
  FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace AND n.nspname = 'driftgauge'
 CROSS JOIN LATERAL (
       SELECT CAST(m[1] AS timestamptz) AS lower, CAST(m[2] AS timestamptz) AS upper
         FROM (SELECT pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),
                                              'FROM \(''(.*)''\) TO \(''(.*)''\)') AS m) t) bound
 WHERE p.relname IN ('series_result', 'slice_result') AND p.relkind = 'p' AND c.relkind = 'r';
COMMENT ON VIEW driftgauge.result_partition IS 'Partitions of the result tables: range, estimated rows, bytes with indexes. The default partition has no range.';
COMMENT ON COLUMN driftgauge.result_partition.parent IS 'Table that it is a part of.';
COMMENT ON COLUMN driftgauge.result_partition.name IS 'Name of the partition.';
COMMENT ON COLUMN driftgauge.result_partition.relation IS 'Its object identifier.';
COMMENT ON COLUMN driftgauge.result_partition.lower IS 'Least window_end in it; null for the default partition.';
COMMENT ON COLUMN driftgauge.result_partition.upper IS 'Every window_end in it is below this.';
COMMENT ON COLUMN driftgauge.result_partition.rows_estimated IS 'Rows, as of the last analyze; -1: never analyzed.';
COMMENT ON COLUMN driftgauge.result_partition.bytes IS 'Bytes on disk with indexes.';

CREATE FUNCTION driftgauge.make_partition(parent name, lower timestamptz, upper timestamptz, label text)
    RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part text := format('%s_%s', parent, label);
    rest text := format('%s_default', parent);
    stray boolean;
BEGIN
    -- Made apart and attached, so that readers of the other partitions are not held up.
    EXECUTE format('CREATE TABLE driftgauge.%I (LIKE driftgauge.%I INCLUDING DEFAULTS '
                   'INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING INDEXES)', part, parent);
    EXECUTE format('SELECT EXISTS (SELECT FROM driftgauge.%I WHERE window_end >= $1 AND window_end < $2)',
                   rest) INTO stray USING lower, upper;
    IF stray THEN
        EXECUTE format('WITH moved AS (DELETE FROM driftgauge.%I WHERE window_end >= $1 '
                       'AND window_end < $2 RETURNING *) INSERT INTO driftgauge.%I SELECT * FROM moved',
                       rest, part) USING lower, upper;
    END IF;
    EXECUTE format('ALTER TABLE driftgauge.%I ATTACH PARTITION driftgauge.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, part, lower, upper);
END
$$;
COMMENT ON FUNCTION driftgauge.make_partition(name, timestamptz, timestamptz, text) IS 'Make one partition, taking along what the default partition holds of it.';

CREATE FUNCTION driftgauge.ensure_partition(at timestamptz, OUT lower timestamptz, OUT upper timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO'
    SET lock_timeout = '30s'
AS $$
DECLARE
    month      timestamptz := date_trunc('month', at, 'UTC');
    this_month timestamptz := date_trunc('month', now(), 'UTC');
    table_name name;
    present    boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('driftgauge.result_partition', 0));
    -- Both tables always get the same partitions; the first answers for both.
    SELECT p.lower, p.upper INTO lower, upper
      FROM driftgauge.result_partition p
     WHERE p.parent = 'series_result' AND at >= p.lower AND at < p.upper;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT EXISTS (SELECT FROM driftgauge.result_partition p
                    WHERE p.parent = 'series_result' AND p.lower >= month
                      AND p.lower < month + interval '1 month') INTO present;
    IF present OR month BETWEEN this_month - interval '1 month' AND this_month + interval '1 month' THEN
        lower := date_trunc('day', at, 'UTC');
        upper := lower + interval '1 day';
    ELSE
        lower := month;
        upper := month + interval '1 month';
    END IF;
    FOREACH table_name IN ARRAY ARRAY['series_result', 'slice_result']::name[] LOOP
        PERFORM driftgauge.make_partition(table_name, lower, upper,
            to_char(lower, CASE WHEN upper - lower = interval '1 day' THEN '"d"YYYYMMDD' ELSE '"m"YYYYMM' END));
    END LOOP;
END
$$;
COMMENT ON FUNCTION driftgauge.ensure_partition(timestamptz) IS 'Make sure that results of windows ending at this time have a partition; the range of that partition. May be called by a writer, by several at once, any number of times.';

CREATE FUNCTION driftgauge.create_partitions_ahead(days integer DEFAULT 7) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
AS $$
DECLARE
    day    timestamptz;
    before bigint;
BEGIN
    IF days NOT BETWEEN 0 AND 366 THEN
        RAISE EXCEPTION 'days must lie between 0 and 366, not %', days USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT count(*) INTO before FROM driftgauge.result_partition;
    FOR day IN SELECT generate_series(date_trunc('day', now(), 'UTC'),
                                      now() + days * interval '1 day', interval '1 day') LOOP
        PERFORM driftgauge.ensure_partition(day);
    END LOOP;
    RETURN (SELECT count(*) - before FROM driftgauge.result_partition);
END
$$;
COMMENT ON FUNCTION driftgauge.create_partitions_ahead(integer) IS 'Partitions for today and the coming days; how many were made, both tables together.';

CREATE FUNCTION driftgauge.retention_candidates(cutoff timestamptz)
    RETURNS TABLE (parent name, name name, lower timestamptz, upper timestamptz,
                   rows_estimated bigint, bytes bigint, kept_for text)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO'
AS $$
DECLARE
    part   record;
    recent record;
    found_rows boolean;
BEGIN
    FOR part IN SELECT * FROM driftgauge.result_partition p WHERE p.upper <= cutoff ORDER BY p.lower, p.parent LOOP
        kept_for := NULL;
        FOR recent IN SELECT r.run_id, r.name, m.name AS monitor
                        FROM driftgauge.run r JOIN driftgauge.monitor m USING (monitor_id)
                       WHERE greatest(r.started_at, r.finished_at) > cutoff ORDER BY r.run_id LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM driftgauge.%I WHERE run_id = $1)', part.name)
               INTO found_rows USING recent.run_id;
            IF found_rows THEN
                kept_for := format('run %s of %s', recent.name, recent.monitor);
                EXIT;
            END IF;
        END LOOP;
        parent := part.parent;
        name := part.name;
        lower := part.lower;
        upper := part.upper;
        rows_estimated := part.rows_estimated;
        bytes := part.bytes;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION driftgauge.retention_candidates(timestamptz) IS 'Partitions that end by the cutoff. kept_for names a replay that was made after the cutoff and has rows there: replays of old data are as old as the day they were made.';

CREATE FUNCTION driftgauge.drop_partition(part name) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '5s'
    SET timezone = 'UTC'
    SET datestyle = 'ISO'
AS $$
DECLARE
    p record;
BEGIN
    SELECT * INTO p FROM driftgauge.result_partition r WHERE r.name = part AND r.upper IS NOT NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE driftgauge.%I DETACH PARTITION driftgauge.%I', p.parent, p.name);
    EXECUTE format('DROP TABLE driftgauge.%I', p.name);
    INSERT INTO driftgauge.audit_log (action, object, detail)
    VALUES ('partition.dropped', p.name,
            jsonb_build_object('lower', p.lower, 'upper', p.upper, 'bytes', p.bytes));
    RETURN true;
END
$$;
COMMENT ON FUNCTION driftgauge.drop_partition(name) IS 'Detach and drop one partition and write it down; false if there is none of that name.';

CREATE FUNCTION driftgauge.retention(older_than interval) RETURNS integer
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
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION driftgauge.retention(interval) IS 'Drop partitions older than this, all in one transaction, for schedulers inside the database; how many. driftgauge db retention does the same one by one.';

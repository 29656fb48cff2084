-- Who may do what. Row-level security holds for everybody but the owner, who maintains.
--
-- Readers have SELECT on the tables below the views, since views with security_invoker ask for it,
-- but no USAGE on the schema: they cannot name a table, and if they could, the policies hold there
-- too. Partitions carry no grant at all, so that nobody reaches around the policies of the parent.
SET LOCAL ROLE driftgauge_owner;

DO $$
DECLARE
    covered name;
BEGIN
    FOREACH covered IN ARRAY ARRAY['monitor', 'config_version', 'slice', 'series_column', 'baseline',
                                   'run_baseline', 'monitor_window', 'series_result',
                                   'slice_result']::name[] LOOP
        EXECUTE format('ALTER TABLE driftgauge.%I ENABLE ROW LEVEL SECURITY', covered);
        EXECUTE format('CREATE POLICY tenant ON driftgauge.%I USING '
                       '(tenant_id = ANY ((SELECT driftgauge.my_tenants())::smallint[]))', covered);
        EXECUTE format('GRANT SELECT ON driftgauge.%I TO driftgauge_reader', covered);
        EXECUTE format('GRANT SELECT, INSERT ON driftgauge.%I TO driftgauge_writer', covered);
    END LOOP;
END
$$;

ALTER TABLE driftgauge.tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON driftgauge.tenant
    USING (tenant_id = ANY ((SELECT driftgauge.my_tenants())::smallint[]));
GRANT SELECT ON driftgauge.tenant TO driftgauge_reader, driftgauge_writer;

-- The live run belongs to everybody and nobody may change it.
ALTER TABLE driftgauge.run ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON driftgauge.run
    USING (tenant_id = ANY ((SELECT driftgauge.my_tenants())::smallint[]));
CREATE POLICY live ON driftgauge.run FOR SELECT USING (run_id = 0);
GRANT SELECT ON driftgauge.run TO driftgauge_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON driftgauge.run TO driftgauge_writer;

GRANT UPDATE (description, owner) ON driftgauge.monitor TO driftgauge_writer;
GRANT UPDATE, DELETE ON driftgauge.series_result, driftgauge.slice_result TO driftgauge_writer;
GRANT DELETE ON driftgauge.run_baseline TO driftgauge_writer;

ALTER TABLE driftgauge.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON driftgauge.audit_log FOR SELECT
    USING (tenant_id IS NULL OR tenant_id = ANY ((SELECT driftgauge.my_tenants())::smallint[]));
CREATE POLICY add ON driftgauge.audit_log FOR INSERT
    WITH CHECK (tenant_id = ANY ((SELECT driftgauge.my_tenants())::smallint[]));
GRANT SELECT ON driftgauge.audit_log TO driftgauge_reader;
GRANT SELECT, INSERT ON driftgauge.audit_log TO driftgauge_writer;

REVOKE ALL ON FUNCTION
    driftgauge.audit_log_stamp(), driftgauge.audit_log_refuse(),
    driftgauge.series_result_supersede(), driftgauge.slice_result_supersede(),
    driftgauge.make_partition(name, timestamptz, timestamptz, text),
    driftgauge.ensure_partition(timestamptz), driftgauge.create_partitions_ahead(integer),
    driftgauge.retention_candidates(timestamptz), driftgauge.drop_partition(name),
    driftgauge.retention(interval)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    driftgauge.ensure_partition(timestamptz), driftgauge.create_partitions_ahead(integer)
    TO driftgauge_writer;

-- The writer stages rows in temporary tables. Usually everybody may; where a database revoked that
-- and somebody else owns it, its owner has to grant it.
RESET ROLE;
DO $$
BEGIN
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO driftgauge_writer', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO driftgauge_reader', current_database());
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the owner of database % has to grant CONNECT and TEMPORARY to driftgauge_writer, CONNECT to driftgauge_reader',
                 current_database();
END
$$;
SET LOCAL ROLE driftgauge_owner;

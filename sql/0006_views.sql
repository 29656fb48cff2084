-- The surface for people and Grafana. Every view runs with the rights of who asks
-- (security_invoker), so that row-level security holds; `time` is the end of the window. Only the
-- latest revision of each result, and no run that is still being replaced, is shown. Live rows have
-- run = ''.
SET LOCAL ROLE driftgauge_owner;

CREATE VIEW driftgauge_view.run WITH (security_invoker = true) AS
SELECT r.started_at AS time, r.name AS run, m.name AS monitor, c.hash AS config_hash, r.inputs,
       r.started_at, r.finished_at, r.finished_at IS NOT NULL AS finished, r.first_event,
       r.last_event, r.records, r.rows, r.bad, r.duplicates, r.late, r.out_of_order, r.bytes,
       r.windows, r.seconds, r.severity, r.program
  FROM driftgauge.run r
  JOIN driftgauge.monitor m ON m.monitor_id = r.monitor_id
  JOIN driftgauge.config_version c ON c.config_id = r.config_id
 WHERE r.replaces IS NULL;
COMMENT ON VIEW driftgauge_view.run IS 'Replays: what was read, when, with which result.';

CREATE VIEW driftgauge_view.monitor WITH (security_invoker = true) AS
SELECT m.name AS monitor, t.name AS tenant, m.description, m.owner, m.created_at
  FROM driftgauge.monitor m
  JOIN driftgauge.tenant t ON t.tenant_id = m.tenant_id;
COMMENT ON VIEW driftgauge_view.monitor IS 'Monitors; for a variable: SELECT monitor FROM driftgauge_view.monitor ORDER BY 1.';

CREATE VIEW driftgauge_view.slice_name WITH (security_invoker = true) AS
SELECT m.name AS monitor, l.version, l.variant, l.segment
  FROM driftgauge.slice l
  JOIN driftgauge.monitor m ON m.monitor_id = l.monitor_id;
COMMENT ON VIEW driftgauge_view.slice_name IS 'Slices of each monitor, for variables.';

CREATE VIEW driftgauge_view.column_name WITH (security_invoker = true) AS
SELECT DISTINCT m.name AS monitor, k.column_name, k.type, k.role
  FROM driftgauge.series_column k
  JOIN driftgauge.monitor m ON m.monitor_id = k.monitor_id;
COMMENT ON VIEW driftgauge_view.column_name IS 'Columns of each monitor, for variables.';

CREATE VIEW driftgauge_view.baseline_name WITH (security_invoker = true) AS
SELECT m.name AS monitor, b.name AS baseline, b.version AS baseline_version
  FROM driftgauge.baseline b
  JOIN driftgauge.monitor m ON m.monitor_id = b.monitor_id;
COMMENT ON VIEW driftgauge_view.baseline_name IS 'Baselines of each monitor, for variables.';

CREATE VIEW driftgauge_view.window_name WITH (security_invoker = true) AS
SELECT m.name AS monitor, w.window_size
  FROM driftgauge.monitor_window w
  JOIN driftgauge.monitor m ON m.monitor_id = w.monitor_id;
COMMENT ON VIEW driftgauge_view.window_name IS 'Window sizes of each monitor, for variables.';

CREATE VIEW driftgauge_view.series WITH (security_invoker = true) AS
SELECT s.window_end AS time, r.name AS run,
       m.name AS monitor, c.hash AS config_hash, s.window_size,
       s.window_end - s.window_size AS window_start, s.window_end, l.version, l.variant, l.segment,
       k.column_name, b.name AS baseline, b.version AS baseline_version, k.type, k.role,
       k.importance, s.status, s.severity, s.consecutive, s.since, s.flags, s.n, s.n_absent,
       s.n_null, s.n_nan, s.n_pos_inf, s.n_neg_inf, s.n_unparsable, s.n_out_of_range, s.missing,
       s.completeness, s.validity, s.mean, s.sd, s.skewness, s.kurtosis, s.min, s.max, s.q01,
       s.q05, s.q10, s.q25, s.q50, s.q75, s.q90, s.q95, s.q99, s.distinct_count, s.reference_n,
       s.reference_mean, s.reference_sd, s.psi, s.psi_adjusted, s.psi_low, s.psi_high, s.psi_p,
       s.psi_df, s.ks, s.ks_high, s.ks_p, s.js, s.js_p, s.hellinger, s.kl, s.tv, s.linf, s.linf_p,
       s.chi2, s.chi2_p, s.g, s.g_p, s.cramers_v, s.w1, s.w1_low, s.w1_high, s.w1_normed,
       s.w1_rank, s.cvm, s.cvm_p, s.ad, s.ad_p, s.range_p, s.new_p, s.null_p, s.p, s.p_adjusted,
       s.top_1, s.top_1_reference, s.top_1_current, s.top_1_psi, s.top_2, s.top_2_reference,
       s.top_2_current, s.top_2_psi, s.top_3, s.top_3_reference, s.top_3_current, s.top_3_psi,
       s.top_low, s.top_high, s.spark_reference, s.spark_current, s.revision, s.evaluated_at
  FROM driftgauge.series_result s
  JOIN driftgauge.run r ON r.run_id = s.run_id AND r.replaces IS NULL
  JOIN driftgauge.monitor m ON m.monitor_id = s.monitor_id
  JOIN driftgauge.config_version c ON c.config_id = s.config_id
  JOIN driftgauge.slice l ON l.slice_id = s.slice_id
  JOIN driftgauge.series_column k ON k.column_id = s.column_id
  JOIN driftgauge.baseline b ON b.baseline_id = s.baseline_id
 WHERE NOT s.superseded;
COMMENT ON VIEW driftgauge_view.series IS 'Every watched column of every window: the main view.';

CREATE VIEW driftgauge_view.slice WITH (security_invoker = true) AS
SELECT s.window_end AS time, r.name AS run,
       m.name AS monitor, c.hash AS config_hash, s.window_size,
       s.window_end - s.window_size AS window_start, s.window_end, l.version, l.variant, l.segment,
       s.severity, s.rows, s.n_series, s.n_drift, s.n_warn, s.silent, s.stream, s.duplicates,
       s.duplicates_share, s.late, s.late_share, s.out_of_order, s.out_of_order_share, s.bad,
       s.bad_share, s.bad_malformed, s.bad_truncated, s.bad_codec, s.bad_schema, s.bad_utf8,
       s.bad_too_large, s.bad_binary, s.bad_time, s.bad_future, s.n_new_fields, s.new_fields,
       s.new_field_rows, s.revision, s.evaluated_at
  FROM driftgauge.slice_result s
  JOIN driftgauge.run r ON r.run_id = s.run_id AND r.replaces IS NULL
  JOIN driftgauge.monitor m ON m.monitor_id = s.monitor_id
  JOIN driftgauge.config_version c ON c.config_id = s.config_id
  JOIN driftgauge.slice l ON l.slice_id = s.slice_id
 WHERE NOT s.superseded;
COMMENT ON VIEW driftgauge_view.slice IS 'Every slice of every window: volume, number of drifted columns, and for stream = true the health of the whole stream.';

CREATE VIEW driftgauge_view.contribution WITH (security_invoker = true) AS
SELECT s.time, s.run, s.monitor, s.window_size, s.version, s.variant, s.segment, s.column_name,
       s.baseline, t.rank, t.bin, t.low, t.high, t.reference, t.current, t.psi
  FROM driftgauge_view.series s
 CROSS JOIN LATERAL (VALUES
       (1, s.top_1, s.top_low[1], s.top_high[1], s.top_1_reference, s.top_1_current, s.top_1_psi),
       (2, s.top_2, s.top_low[2], s.top_high[2], s.top_2_reference, s.top_2_current, s.top_2_psi),
       (3, s.top_3, s.top_low[3], s.top_high[3], s.top_3_reference, s.top_3_current, s.top_3_psi)
       ) AS t (rank, bin, low, high, reference, current, psi)
 WHERE t.bin IS NOT NULL;
COMMENT ON VIEW driftgauge_view.contribution IS 'The bins or categories that moved most, one row each.';

CREATE VIEW driftgauge_view.histogram WITH (security_invoker = true) AS
SELECT s.time, s.run, s.monitor, s.window_size, s.version, s.variant, s.segment, s.column_name,
       s.baseline, h.bin, h.reference, h.current
  FROM driftgauge_view.series s
 CROSS JOIN LATERAL ROWS FROM (unnest(s.spark_reference), unnest(s.spark_current))
       WITH ORDINALITY AS h (reference, current, bin);
COMMENT ON VIEW driftgauge_view.histogram IS 'Mini-histograms, one row per group of bins: for heat maps.';

CREATE VIEW driftgauge_view.episode WITH (security_invoker = true) AS
SELECT s.since AS time, max(s.time) AS timeend, s.run, s.monitor, s.window_size, s.version,
       s.variant, s.segment, s.column_name, s.baseline, count(*) AS windows,
       max(s.psi_adjusted) AS psi_adjusted_max,
       s.column_name || ' drifts against ' || s.baseline || ' in ' || s.segment AS text,
       ARRAY['drift', s.monitor, s.column_name] AS tags
  FROM driftgauge_view.series s
 WHERE s.since IS NOT NULL
 GROUP BY s.since, s.run, s.monitor, s.window_size, s.version, s.variant, s.segment,
          s.column_name, s.baseline;
COMMENT ON VIEW driftgauge_view.episode IS 'Uninterrupted runs of drift, with the columns that Grafana wants of annotations. Filter on window_end is not possible here; filter on time.';

CREATE VIEW driftgauge_view.status WITH (security_invoker = true) AS
SELECT s.window_end AS time, r.name AS run, m.name AS monitor, s.window_size, l.version, l.variant,
       l.segment, s.severity, s.rows, s.n_series, s.n_drift, s.n_warn, s.silent
  FROM driftgauge.run r
  JOIN driftgauge.monitor m ON m.monitor_id = r.monitor_id OR r.run_id = 0
  JOIN driftgauge.monitor_window w ON w.monitor_id = m.monitor_id
 CROSS JOIN LATERAL (
       SELECT x.window_end
         FROM driftgauge.slice_result x
        WHERE x.run_id = r.run_id AND x.monitor_id = m.monitor_id AND x.window_size = w.window_size
        ORDER BY x.window_end DESC
        LIMIT 1) last_window
  JOIN driftgauge.slice_result s
    ON s.run_id = r.run_id AND s.monitor_id = m.monitor_id AND s.window_size = w.window_size
   AND s.window_end = last_window.window_end AND NOT s.superseded
  JOIN driftgauge.slice l ON l.slice_id = s.slice_id
 WHERE r.replaces IS NULL;
COMMENT ON VIEW driftgauge_view.status IS 'The last window of each monitor, run and window size, per slice.';

CREATE VIEW driftgauge_view.audit WITH (security_invoker = true) AS
SELECT a.at AS time, a.actor, a.action, a.object, a.detail
  FROM driftgauge.audit_log a;
COMMENT ON VIEW driftgauge_view.audit IS 'What was done to this database by whom.';

-- Columns of views mean what the columns of the same name in the tables mean; the rest is said here.
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.relname AS view_name, a.attname AS column_name,
               coalesce(own.meaning, (
                   SELECT d.description
                     FROM pg_class t
                     JOIN pg_attribute b ON b.attrelid = t.oid AND b.attname = a.attname
                     JOIN pg_description d ON d.objoid = t.oid AND d.objsubid = b.attnum
                      AND d.classoid = 'pg_class'::regclass
                    WHERE t.relnamespace = 'driftgauge'::regnamespace AND t.relkind IN ('r', 'p')
                      AND t.relname IN ('series_result', 'slice_result', 'slice', 'series_column',
                                        'run', 'monitor', 'audit_log')
                    ORDER BY CASE WHEN v.relname = 'run' AND t.relname = 'run' THEN 0
                                  WHEN v.relname IN ('slice', 'status') AND t.relname = 'slice_result' THEN 0
                                  ELSE 1 END, t.relname
                    LIMIT 1)) AS meaning
          FROM pg_class v
          JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
          LEFT JOIN (VALUES
               ('run', 'time', 'When the replay was started.'),
               ('audit', 'time', 'When.'),
               ('episode', 'time', 'End of the first window of the run of drift.'),
               ('episode', 'timeend', 'End of its last window so far.'),
               ('episode', 'windows', 'Windows in it.'),
               ('episode', 'psi_adjusted_max', 'Largest effect size in it.'),
               ('episode', 'text', 'A sentence for the annotation.'),
               ('episode', 'tags', 'Tags for the annotation.'),
               ('run', 'finished', 'False: still going on, or killed.'),
               ('contribution', 'rank', '1 = the largest PSI term.'),
               ('contribution', 'bin', 'Bin or category.'),
               ('contribution', 'low', 'Lower end of the bin; null for a category.'),
               ('contribution', 'high', 'Upper end of the bin, inclusive; null for a category.'),
               ('contribution', 'reference', 'Share of the reference in it.'),
               ('contribution', 'current', 'Share of the window in it.'),
               ('contribution', 'psi', 'Its PSI term, nats.'),
               ('histogram', 'bin', 'Number of the group of bins or category, from 1.'),
               ('histogram', 'reference', 'Share of the reference in it.'),
               ('histogram', 'current', 'Share of the window in it.')
               ) AS own_view (view_name, column_name, meaning)
                 ON own_view.view_name = v.relname AND own_view.column_name = a.attname
          LEFT JOIN (VALUES
               ('time', 'End of the window: the time axis of every panel.'),
               ('run', 'Name of the replay; empty for live.'),
               ('monitor', 'Name of the monitor.'),
               ('tenant', 'Name of the tenant.'),
               ('config_hash', 'What the configuration means, as 16 hex digits.'),
               ('window_start', 'First event time of the window.'),
               ('baseline', 'Baseline it is compared with; empty without any.'),
               ('baseline_version', 'Identity of a baseline file; empty for baselines that are windows.')
               ) AS everywhere (column_name, meaning) ON everywhere.column_name = a.attname
         CROSS JOIN LATERAL (SELECT coalesce(own_view.meaning, everywhere.meaning) AS meaning) own
         WHERE v.relnamespace = 'driftgauge_view'::regnamespace AND v.relkind = 'v'
    LOOP
        EXECUTE format('COMMENT ON COLUMN driftgauge_view.%I.%I IS %L', c.view_name, c.column_name, c.meaning);
    END LOOP;
END
$$;

GRANT SELECT ON ALL TABLES IN SCHEMA driftgauge_view TO driftgauge_reader, driftgauge_writer;

-- Results: one row per series and window, one per slice and window. Partitioned by the end of the
-- window; see 0004 for how long a partition is and who makes it. No foreign keys: the program takes
-- the numbers from the dimension tables, and a check per row would cost half of the writing speed.
SET LOCAL ROLE driftgauge_owner;

CREATE TABLE driftgauge.series_result (
    window_size     interval NOT NULL,
    window_end      timestamptz NOT NULL,
    evaluated_at    timestamptz NOT NULL DEFAULT now(),
    run_id          integer NOT NULL,
    monitor_id      integer NOT NULL,
    config_id       integer NOT NULL,
    slice_id        integer NOT NULL,
    column_id       integer NOT NULL,
    baseline_id     integer NOT NULL,
    revision        integer NOT NULL DEFAULT 0,
    tenant_id       smallint NOT NULL,
    superseded      boolean NOT NULL DEFAULT false,
    consecutive     bigint NOT NULL,
    since           timestamptz,
    n               bigint NOT NULL,
    n_absent        bigint NOT NULL,
    n_null          bigint NOT NULL,
    n_nan           bigint NOT NULL,
    n_pos_inf       bigint NOT NULL,
    n_neg_inf       bigint NOT NULL,
    n_unparsable    bigint NOT NULL,
    n_out_of_range  bigint NOT NULL,
    missing         double precision,
    completeness    double precision,
    validity        double precision,
    mean            double precision,
    sd              double precision,
    skewness        double precision,
    kurtosis        double precision,
    min             double precision,
    max             double precision,
    q01             double precision,
    q05             double precision,
    q10             double precision,
    q25             double precision,
    q50             double precision,
    q75             double precision,
    q90             double precision,
    q95             double precision,
    q99             double precision,
    distinct_count  double precision,
    reference_n     bigint,
    reference_mean  double precision,
    reference_sd    double precision,
    psi             double precision,
    psi_adjusted    double precision,
    psi_low         double precision,
    psi_high        double precision,
    psi_p           double precision,
    psi_df          bigint,
    ks              double precision,
    ks_high         double precision,
    ks_p            double precision,
    js              double precision,
    js_p            double precision,
    hellinger       double precision,
    kl              double precision,
    tv              double precision,
    linf            double precision,
    linf_p          double precision,
    chi2            double precision,
    chi2_p          double precision,
    g               double precision,
    g_p             double precision,
    cramers_v       double precision,
    w1              double precision,
    w1_low          double precision,
    w1_high         double precision,
    w1_normed       double precision,
    w1_rank         double precision,
    cvm             double precision,
    cvm_p           double precision,
    ad              double precision,
    ad_p            double precision,
    range_p         double precision,
    new_p           double precision,
    null_p          double precision,
    p               double precision,
    p_adjusted      double precision,
    top_1_reference double precision,
    top_1_current   double precision,
    top_1_psi       double precision,
    top_2_reference double precision,
    top_2_current   double precision,
    top_2_psi       double precision,
    top_3_reference double precision,
    top_3_current   double precision,
    top_3_psi       double precision,
    status          text NOT NULL,
    severity        text NOT NULL,
    flags           text NOT NULL,
    top_1           text,
    top_2           text,
    top_3           text,
    top_low         double precision[],
    top_high        double precision[],
    spark_reference real[],
    spark_current   real[],
    PRIMARY KEY (run_id, monitor_id, window_size, window_end, slice_id, column_id, baseline_id, revision)
) PARTITION BY RANGE (window_end);
CREATE INDEX ON driftgauge.series_result USING brin (window_end);

CREATE TABLE driftgauge.slice_result (
    window_size        interval NOT NULL,
    window_end         timestamptz NOT NULL,
    evaluated_at       timestamptz NOT NULL DEFAULT now(),
    run_id             integer NOT NULL,
    monitor_id         integer NOT NULL,
    config_id          integer NOT NULL,
    slice_id           integer NOT NULL,
    revision           integer NOT NULL DEFAULT 0,
    tenant_id          smallint NOT NULL,
    superseded         boolean NOT NULL DEFAULT false,
    silent             boolean NOT NULL,
    stream             boolean NOT NULL,
    rows               bigint NOT NULL,
    n_series           bigint NOT NULL,
    n_drift            bigint NOT NULL,
    n_warn             bigint NOT NULL,
    duplicates         bigint,
    duplicates_share   double precision,
    late               bigint,
    late_share         double precision,
    out_of_order       bigint,
    out_of_order_share double precision,
    bad                bigint,
    bad_share          double precision,
    bad_malformed      bigint,
    bad_truncated      bigint,
    bad_codec          bigint,
    bad_schema         bigint,
    bad_utf8           bigint,
    bad_too_large      bigint,
    bad_binary         bigint,
    bad_time           bigint,
    bad_future         bigint,
    n_new_fields       bigint,
    severity           text NOT NULL,
    new_fields         text,
    new_field_rows     jsonb,
    PRIMARY KEY (run_id, monitor_id, window_size, window_end, slice_id, revision)
) PARTITION BY RANGE (window_end);
CREATE INDEX ON driftgauge.slice_result USING brin (window_end);

COMMENT ON TABLE driftgauge.series_result IS 'One row per run, monitor, window, slice, column, baseline and revision: counts, moments, quantiles, drift statistics, verdict.';
COMMENT ON TABLE driftgauge.slice_result IS 'One row per run, monitor, window, slice and revision: volume, verdicts, and for one slice per window the health of the stream.';
COMMENT ON COLUMN driftgauge.series_result.window_size IS 'Length of the window.';
COMMENT ON COLUMN driftgauge.series_result.window_end IS 'Event time at which the window ends, exclusive; the partition key.';
COMMENT ON COLUMN driftgauge.series_result.evaluated_at IS 'When these values were written; the one column that may differ between equal runs.';
COMMENT ON COLUMN driftgauge.series_result.run_id IS '0 = live, else a replay.';
COMMENT ON COLUMN driftgauge.series_result.monitor_id IS 'Of which monitor.';
COMMENT ON COLUMN driftgauge.series_result.config_id IS 'Made with which configuration.';
COMMENT ON COLUMN driftgauge.series_result.slice_id IS 'About which slice.';
COMMENT ON COLUMN driftgauge.series_result.column_id IS 'About which column.';
COMMENT ON COLUMN driftgauge.series_result.baseline_id IS 'Compared with which baseline.';
COMMENT ON COLUMN driftgauge.series_result.revision IS '0 for the first evaluation; one more each time that late rows changed the window.';
COMMENT ON COLUMN driftgauge.series_result.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.series_result.superseded IS 'A higher revision exists; kept right by a trigger.';
COMMENT ON COLUMN driftgauge.series_result.consecutive IS 'Evaluations in a row that passed the drift rule''s gates.';
COMMENT ON COLUMN driftgauge.series_result.since IS 'End of the first window of the present run of drift; null without drift.';
COMMENT ON COLUMN driftgauge.series_result.n IS 'Values in the distribution.';
COMMENT ON COLUMN driftgauge.series_result.n_absent IS 'Rows whose record lacks the field.';
COMMENT ON COLUMN driftgauge.series_result.n_null IS 'Rows where it is null or empty.';
COMMENT ON COLUMN driftgauge.series_result.n_nan IS 'Rows where it is NaN.';
COMMENT ON COLUMN driftgauge.series_result.n_pos_inf IS 'Rows where it is +Inf or too large.';
COMMENT ON COLUMN driftgauge.series_result.n_neg_inf IS 'Rows where it is -Inf.';
COMMENT ON COLUMN driftgauge.series_result.n_unparsable IS 'Rows where it is not of the column''s type.';
COMMENT ON COLUMN driftgauge.series_result.n_out_of_range IS 'Rows where it lies outside the declared range or set.';
COMMENT ON COLUMN driftgauge.series_result.missing IS 'Share of rows where it is absent or null, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.completeness IS 'Share of rows with a value of the type, not null, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.validity IS 'Share of values inside what is declared valid, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.mean IS 'Mean, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.sd IS 'Standard deviation, in units of the column, >= 0.';
COMMENT ON COLUMN driftgauge.series_result.skewness IS 'Skewness g1, no unit.';
COMMENT ON COLUMN driftgauge.series_result.kurtosis IS 'Excess kurtosis g2, no unit, >= -2.';
COMMENT ON COLUMN driftgauge.series_result.min IS 'Least value.';
COMMENT ON COLUMN driftgauge.series_result.max IS 'Greatest value.';
COMMENT ON COLUMN driftgauge.series_result.q01 IS '1 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q05 IS '5 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q10 IS '10 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q25 IS '25 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q50 IS 'Median, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q75 IS '75 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q90 IS '90 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q95 IS '95 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.q99 IS '99 % quantile, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.distinct_count IS 'Categorical: different values, estimated; null for numbers.';
COMMENT ON COLUMN driftgauge.series_result.reference_n IS 'Values in the reference.';
COMMENT ON COLUMN driftgauge.series_result.reference_mean IS 'Mean of the reference.';
COMMENT ON COLUMN driftgauge.series_result.reference_sd IS 'Standard deviation of the reference.';
COMMENT ON COLUMN driftgauge.series_result.psi IS 'Population stability index, nats, >= 0.';
COMMENT ON COLUMN driftgauge.series_result.psi_adjusted IS 'PSI less what chance alone gives at these sizes, nats, >= 0: the effect size.';
COMMENT ON COLUMN driftgauge.series_result.psi_low IS '95 % interval of the PSI, lower end.';
COMMENT ON COLUMN driftgauge.series_result.psi_high IS '95 % interval of the PSI, upper end.';
COMMENT ON COLUMN driftgauge.series_result.psi_p IS 'p-value of the PSI, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.psi_df IS 'Degrees of freedom of the PSI.';
COMMENT ON COLUMN driftgauge.series_result.ks IS 'Kolmogorov-Smirnov D, 0 to 1; lower bound.';
COMMENT ON COLUMN driftgauge.series_result.ks_high IS 'Upper bound of D on the raw data, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.ks_p IS 'p-value of D, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.js IS 'Jensen-Shannon distance, base 2, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.js_p IS 'p-value of the Jensen-Shannon distance, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.hellinger IS 'Hellinger distance, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.kl IS 'Kullback-Leibler divergence, nats, >= 0.';
COMMENT ON COLUMN driftgauge.series_result.tv IS 'Total variation distance, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.linf IS 'Largest difference of one bin''s share, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.linf_p IS 'p-value of linf, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.chi2 IS 'Pearson''s chi-square, >= 0.';
COMMENT ON COLUMN driftgauge.series_result.chi2_p IS 'p-value of chi2, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.g IS 'Log-likelihood ratio G, >= 0.';
COMMENT ON COLUMN driftgauge.series_result.g_p IS 'p-value of G, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.cramers_v IS 'Cramer''s V, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.w1 IS 'Wasserstein-1 distance, in units of the column.';
COMMENT ON COLUMN driftgauge.series_result.w1_low IS 'Lower bound of w1 on the raw data.';
COMMENT ON COLUMN driftgauge.series_result.w1_high IS 'Upper bound of w1 on the raw data.';
COMMENT ON COLUMN driftgauge.series_result.w1_normed IS 'w1 / reference_sd, >= 0, no unit.';
COMMENT ON COLUMN driftgauge.series_result.w1_rank IS 'Wasserstein-1 of ranks, 0 to 1, no unit.';
COMMENT ON COLUMN driftgauge.series_result.cvm IS 'Cramer-von Mises statistic, >= 0.';
COMMENT ON COLUMN driftgauge.series_result.cvm_p IS 'p-value of cvm, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.ad IS 'Anderson-Darling statistic.';
COMMENT ON COLUMN driftgauge.series_result.ad_p IS 'p-value of ad, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.range_p IS 'Chance of so many values beyond the reference''s extremes, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.new_p IS 'Categorical: chance of so many new categories, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.null_p IS 'p-value of the missing share, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.p IS 'p-value of the series: several tests in one, 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.p_adjusted IS 'p adjusted for all series of the window (false discovery rate), 0 to 1.';
COMMENT ON COLUMN driftgauge.series_result.top_1_reference IS 'Share of the reference in top_1.';
COMMENT ON COLUMN driftgauge.series_result.top_1_current IS 'Share of the window in top_1.';
COMMENT ON COLUMN driftgauge.series_result.top_1_psi IS 'PSI term of top_1, nats.';
COMMENT ON COLUMN driftgauge.series_result.top_2_reference IS 'Share of the reference in top_2.';
COMMENT ON COLUMN driftgauge.series_result.top_2_current IS 'Share of the window in top_2.';
COMMENT ON COLUMN driftgauge.series_result.top_2_psi IS 'PSI term of top_2, nats.';
COMMENT ON COLUMN driftgauge.series_result.top_3_reference IS 'Share of the reference in top_3.';
COMMENT ON COLUMN driftgauge.series_result.top_3_current IS 'Share of the window in top_3.';
COMMENT ON COLUMN driftgauge.series_result.top_3_psi IS 'PSI term of top_3, nats.';
COMMENT ON COLUMN driftgauge.series_result.status IS 'ok, warn, drift, insufficient, no_reference or degenerate.';
COMMENT ON COLUMN driftgauge.series_result.severity IS 'Worst of the drift rule and the checks: ok, warn or critical.';
COMMENT ON COLUMN driftgauge.series_result.flags IS 'Words: degenerate atoms pooled numeric sketched constant monotone vanished sketch_overflow.';
COMMENT ON COLUMN driftgauge.series_result.top_1 IS 'Bin or category with the largest PSI term.';
COMMENT ON COLUMN driftgauge.series_result.top_2 IS 'Bin or category with the second largest PSI term.';
COMMENT ON COLUMN driftgauge.series_result.top_3 IS 'Bin or category with the third largest PSI term.';
COMMENT ON COLUMN driftgauge.series_result.top_low IS 'Lower ends of the bins top_1 .. top_3 of a number, -Infinity at the end; null for categories.';
COMMENT ON COLUMN driftgauge.series_result.top_high IS 'Upper ends of the same bins.';
COMMENT ON COLUMN driftgauge.series_result.spark_reference IS 'Mini-histogram: share of the reference per group of bins, or per category.';
COMMENT ON COLUMN driftgauge.series_result.spark_current IS 'Mini-histogram: share of the window in the same groups.';
COMMENT ON COLUMN driftgauge.slice_result.window_size IS 'Length of the window.';
COMMENT ON COLUMN driftgauge.slice_result.window_end IS 'Event time at which the window ends, exclusive; the partition key.';
COMMENT ON COLUMN driftgauge.slice_result.evaluated_at IS 'When these values were written; the one column that may differ between equal runs.';
COMMENT ON COLUMN driftgauge.slice_result.run_id IS '0 = live, else a replay.';
COMMENT ON COLUMN driftgauge.slice_result.monitor_id IS 'Of which monitor.';
COMMENT ON COLUMN driftgauge.slice_result.config_id IS 'Made with which configuration.';
COMMENT ON COLUMN driftgauge.slice_result.slice_id IS 'About which slice.';
COMMENT ON COLUMN driftgauge.slice_result.revision IS '0 for the first evaluation; one more each time that late rows changed the window.';
COMMENT ON COLUMN driftgauge.slice_result.tenant_id IS 'Whose.';
COMMENT ON COLUMN driftgauge.slice_result.superseded IS 'A higher revision exists; kept right by a trigger.';
COMMENT ON COLUMN driftgauge.slice_result.silent IS 'No row in the whole window.';
COMMENT ON COLUMN driftgauge.slice_result.stream IS 'This row carries the health of the whole stream; elsewhere those fields are null.';
COMMENT ON COLUMN driftgauge.slice_result.rows IS 'Rows in the distributions.';
COMMENT ON COLUMN driftgauge.slice_result.n_series IS 'Series evaluated: columns times baselines.';
COMMENT ON COLUMN driftgauge.slice_result.n_drift IS 'Series that drifted.';
COMMENT ON COLUMN driftgauge.slice_result.n_warn IS 'Series that warned.';
COMMENT ON COLUMN driftgauge.slice_result.duplicates IS 'Rows whose id came before.';
COMMENT ON COLUMN driftgauge.slice_result.duplicates_share IS 'duplicates / all records of the window, 0 to 1.';
COMMENT ON COLUMN driftgauge.slice_result.late IS 'Rows that came too late to be counted.';
COMMENT ON COLUMN driftgauge.slice_result.late_share IS 'late / all records, 0 to 1.';
COMMENT ON COLUMN driftgauge.slice_result.out_of_order IS 'Rows older than one read before them.';
COMMENT ON COLUMN driftgauge.slice_result.out_of_order_share IS 'out_of_order / all records, 0 to 1.';
COMMENT ON COLUMN driftgauge.slice_result.bad IS 'Records that could not become rows.';
COMMENT ON COLUMN driftgauge.slice_result.bad_share IS 'bad / all records, 0 to 1.';
COMMENT ON COLUMN driftgauge.slice_result.bad_malformed IS 'Records that are not of the format.';
COMMENT ON COLUMN driftgauge.slice_result.bad_truncated IS 'Records cut off by the end of the input.';
COMMENT ON COLUMN driftgauge.slice_result.bad_codec IS 'Blocks that could not be decompressed.';
COMMENT ON COLUMN driftgauge.slice_result.bad_schema IS 'Records of an unknown or unusable schema.';
COMMENT ON COLUMN driftgauge.slice_result.bad_utf8 IS 'Records with text that is not UTF-8.';
COMMENT ON COLUMN driftgauge.slice_result.bad_too_large IS 'Records or fields above the size limit.';
COMMENT ON COLUMN driftgauge.slice_result.bad_binary IS 'Records with NUL bytes.';
COMMENT ON COLUMN driftgauge.slice_result.bad_time IS 'Records without a readable event time.';
COMMENT ON COLUMN driftgauge.slice_result.bad_future IS 'Records too far ahead of their stream.';
COMMENT ON COLUMN driftgauge.slice_result.n_new_fields IS 'Fields that the monitor does not know.';
COMMENT ON COLUMN driftgauge.slice_result.severity IS 'Worst of its series and checks: ok, warn or critical.';
COMMENT ON COLUMN driftgauge.slice_result.new_fields IS 'Their names, as many as fit, separated by commas.';
COMMENT ON COLUMN driftgauge.slice_result.new_field_rows IS 'The same with the rows that have each: {name: rows}; null without any.';

-- Which revision counts is kept in the rows, so that views need no search for a maximum. Only
-- re-evaluations (revision > 0) pay for it. A later INSERT .. ON CONFLICT of a lower revision
-- leaves the mark as it is, as long as it does not list the column.
CREATE FUNCTION driftgauge.series_result_supersede() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE driftgauge.series_result s
       SET superseded = true
     WHERE s.run_id = NEW.run_id AND s.monitor_id = NEW.monitor_id
       AND s.window_size = NEW.window_size AND s.window_end = NEW.window_end
       AND s.slice_id = NEW.slice_id AND s.column_id = NEW.column_id
       AND s.baseline_id = NEW.baseline_id AND s.revision < NEW.revision AND NOT s.superseded;
    NEW.superseded := EXISTS (
        SELECT FROM driftgauge.series_result s
         WHERE s.run_id = NEW.run_id AND s.monitor_id = NEW.monitor_id
           AND s.window_size = NEW.window_size AND s.window_end = NEW.window_end
           AND s.slice_id = NEW.slice_id AND s.column_id = NEW.column_id
           AND s.baseline_id = NEW.baseline_id AND s.revision > NEW.revision);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION driftgauge.series_result_supersede() IS 'Trigger: a revision takes the place of lower ones.';
CREATE TRIGGER supersede BEFORE INSERT ON driftgauge.series_result
    FOR EACH ROW WHEN (NEW.revision > 0) EXECUTE FUNCTION driftgauge.series_result_supersede();

CREATE FUNCTION driftgauge.slice_result_supersede() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE driftgauge.slice_result s
       SET superseded = true
     WHERE s.run_id = NEW.run_id AND s.monitor_id = NEW.monitor_id
       AND s.window_size = NEW.window_size AND s.window_end = NEW.window_end
       AND s.slice_id = NEW.slice_id AND s.revision < NEW.revision AND NOT s.superseded;
    NEW.superseded := EXISTS (
        SELECT FROM driftgauge.slice_result s
         WHERE s.run_id = NEW.run_id AND s.monitor_id = NEW.monitor_id
           AND s.window_size = NEW.window_size AND s.window_end = NEW.window_end
           AND s.slice_id = NEW.slice_id AND s.revision > NEW.revision);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION driftgauge.slice_result_supersede() IS 'Trigger: a revision takes the place of lower ones.';
CREATE TRIGGER supersede BEFORE INSERT ON driftgauge.slice_result
    FOR EACH ROW WHEN (NEW.revision > 0) EXECUTE FUNCTION driftgauge.slice_result_supersede();

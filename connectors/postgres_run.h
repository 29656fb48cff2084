/* connectors/postgres_run.h -- a replay's place in the database: its run, and the numbers of the
 * things that its results are about. */
#ifndef DG_CONNECTORS_POSTGRES_RUN_H
#define DG_CONNECTORS_POSTGRES_RUN_H

#include "connectors/postgres_copy.h"
#include "engine/sink.h"

struct dg_pg_run {
    int32_t tenant_id, monitor_id, config_id;
    int32_t run_id;   /* 0: live */
    int32_t replaces; /* the run whose place this one takes when it is finished; 0: none */
    bool fresh;       /* the run has no rows yet */
    char *name;       /* owned */
    struct dg_names baselines_before; /* what an earlier replay of this name was compared with */
};

struct dg_pg_run_options {
    const char *tenant; /* name; NULL: "default" */
    bool replace;       /* a run of the same name goes, when this one is complete */
};

/*
 * Find or make the run `info->run` of the monitor, in one transaction, and lock its name for the
 * session. Without `replace` a run of that name is continued: rows of a window are replaced when
 * the window is written again; it must have the same configuration. EINVAL: no name, no such
 * tenant; EEXIST: the run was made with another configuration; EBUSY: somebody is writing it.
 */
DG_MUST_CHECK int dg_pg_run_open(struct dg_pg *pg, const struct dg_run_info *info,
                                 const struct dg_pg_run_options *options, struct dg_pg_run *out,
                                 struct dg_error *err);
void dg_pg_run_deinit(struct dg_pg_run *run);

/* The number of a tenant. EINVAL: there is none of that name that this role may write. */
DG_MUST_CHECK int dg_pg_tenant(struct dg_pg *pg, const char *name, int32_t *id,
                               struct dg_error *err);
/* The numbers of a monitor, described as it is now, and of its configuration, made if they have
 * none: tenant_id is given, monitor_id and config_id are set. */
DG_MUST_CHECK int dg_pg_run_monitor(struct dg_pg *pg, const struct dg_monitor *monitor,
                                    struct dg_pg_run *run, struct dg_error *err);

/* The number of a slice (version, variant, segment), column (name, type, role, importance),
 * baseline (name, version) or window size (microseconds), made if it has none. */
DG_MUST_CHECK int dg_pg_run_slice(struct dg_pg *pg, const struct dg_pg_run *run,
                                  const struct dg_name *name, int32_t *id, struct dg_error *err);
DG_MUST_CHECK int dg_pg_run_column(struct dg_pg *pg, const struct dg_pg_run *run,
                                   const struct dg_name *name, int32_t *id, struct dg_error *err);
/* EEXIST: an earlier replay of this name was compared with another version of the baseline. */
DG_MUST_CHECK int dg_pg_run_baseline(struct dg_pg *pg, const struct dg_pg_run *run,
                                     const struct dg_name *name, int32_t *id, struct dg_error *err);
DG_MUST_CHECK int dg_pg_run_window_size(struct dg_pg *pg, const struct dg_pg_run *run,
                                        int64_t size_us, struct dg_error *err);

/* In one transaction: drop what this run replaces, and write down the totals. */
DG_MUST_CHECK int dg_pg_run_finish(struct dg_pg *pg, const struct dg_pg_run *run,
                                   const struct dg_run_totals *totals, struct dg_error *err);

#endif

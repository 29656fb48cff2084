#include "engine/cli/demo_server.h"

#include "connectors/postgres_migrate.h"
#include "engine/cli/demo_process.h"

#include <errno.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { START_MS = 30000, STOP_MS = 20000 };

static bool holds_initdb(const char *dir)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/initdb", dir);
    return access(path, X_OK) == 0;
}

static void take_program(struct dg_demo_server *s, const char *dir)
{
    snprintf(s->program, sizeof s->program, "%s", dir);
}

/* Where packages put it: the newest. */
static void look_in_packages(struct dg_demo_server *s)
{
    static const char *const places[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
                                         "/usr/local/pgsql/bin"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        glob_t found = {0};
        if (glob(places[i], 0, NULL, &found) == 0) {
            for (size_t k = 0; k < found.gl_pathc; k++) {
                if (holds_initdb(found.gl_pathv[k]) &&
                    strverscmp(s->program, found.gl_pathv[k]) < 0) {
                    take_program(s, found.gl_pathv[k]);
                }
            }
        }
        globfree(&found);
    }
}

static void look_on_path(struct dg_demo_server *s)
{
    char *list = strdup(getenv("PATH") != NULL ? getenv("PATH") : ""), *rest = list;
    for (char *dir = NULL; list != NULL && (dir = strsep(&rest, ":")) != NULL;) {
        if (dir[0] == '/' && s->program[0] == '\0' && holds_initdb(dir)) {
            take_program(s, dir);
        }
    }
    free(list);
}

static int find_program(struct dg_demo_server *s, struct dg_error *err)
{
    const char *named = getenv("PG_BINDIR");
    if (named != NULL) {
        take_program(s, named);
    } else {
        look_in_packages(s);
        look_on_path(s);
    }
    return s->program[0] != '\0' && holds_initdb(s->program)
               ? 0
               : dg_fail(err, ENOENT,
                         "no PostgreSQL server found%s%s: install it (Debian, Ubuntu: apt-get "
                         "install postgresql) or set PG_BINDIR to where initdb is",
                         named != NULL ? " in " : "", named != NULL ? named : "");
}

/* PostgreSQL refuses to run as root. */
static int choose_user(struct dg_demo_server *s, struct dg_error *err)
{
    s->uid = geteuid();
    s->gid = getegid();
    if (s->uid != 0) {
        return 0;
    }
    const struct passwd *user = getpwnam("postgres");
    user = user != NULL ? user : getpwnam("nobody");
    if (user == NULL || user->pw_uid == 0) {
        return dg_fail(err, ENOENT,
                       "PostgreSQL does not run as root and there is no user postgres or nobody: "
                       "run the demo as another user");
    }
    s->uid = user->pw_uid;
    s->gid = user->pw_gid;
    return 0;
}

static int make_home(struct dg_demo_server *s, const char *dir, struct dg_error *err)
{
    snprintf(s->home, sizeof s->home, "%s/pg", dir);
    snprintf(s->log, sizeof s->log, "%s/postgres.log", dir);
    snprintf(s->target, sizeof s->target, "host=%.3000s user=postgres dbname=driftgauge", s->home);
    if (mkdir(s->home, 0700) != 0 || chown(s->home, s->uid, s->gid) != 0) {
        return dg_fail(err, errno, "cannot make %s: %s", s->home, strerror(errno));
    }
    return 0;
}

static int make_cluster(const struct dg_demo_server *s, struct dg_error *err)
{
    char program[PATH_MAX + 16], data[PATH_MAX + 16];
    snprintf(program, sizeof program, "%s/initdb", s->program);
    snprintf(data, sizeof data, "%s/data", s->home);
    const char *const argv[] = {
        program, "-D",   data,         "-U", "postgres",          "-A", "trust",
        "-E",    "UTF8", "--locale=C", "-N", "--no-instructions", NULL};
    const struct dg_demo_spawn how = {
        .argv = argv, .log = s->log, .uid = s->uid, .gid = s->gid, .orphaned = SIGTERM};
    return dg_demo_run(&how, err);
}

static int launch(struct dg_demo_server *s, bool outlive, struct dg_error *err)
{
    char program[PATH_MAX + 16], data[PATH_MAX + 16], socket[PATH_MAX + 32];
    snprintf(program, sizeof program, "%s/postgres", s->program);
    snprintf(data, sizeof data, "%s/data", s->home);
    snprintf(socket, sizeof socket, "unix_socket_directories=%s", s->home);
    const char *const argv[] = {program,
                                "-D",
                                data,
                                "-c",
                                "listen_addresses=",
                                "-c",
                                socket,
                                "-c",
                                "unix_socket_permissions=0700",
                                "-c",
                                "timezone=UTC",
                                "-c",
                                "log_timezone=UTC",
                                "-c",
                                "fsync=off",
                                "-c",
                                "synchronous_commit=off",
                                NULL};
    const struct dg_demo_spawn how = {.argv = argv,
                                      .log = s->log,
                                      .uid = s->uid,
                                      .gid = s->gid,
                                      .orphaned = outlive ? 0 : SIGQUIT};
    return dg_demo_spawn(&how, &s->pid, err);
}

static int wait_until_ready(struct dg_demo_server *s, struct dg_error *err)
{
    const char *const names[] = {"host", "user", "dbname", NULL};
    const char *const values[] = {s->home, "postgres", "postgres", NULL};
    for (int waited = 0; waited < START_MS; waited += 50) {
        if (PQpingParams(names, values, 0) == PQPING_OK) {
            return 0;
        }
        if (dg_demo_ended(&s->pid)) {
            break;
        }
        dg_demo_sleep_ms(50);
    }
    char why[512];
    dg_demo_last_line(s->log, why, sizeof why);
    return dg_fail(err, EIO, "PostgreSQL does not start: %s", why);
}

static int make_schema(const struct dg_demo_server *s, struct dg_error *err)
{
    char first[PATH_MAX];
    snprintf(first, sizeof first, "host=%.3000s user=postgres dbname=postgres", s->home);
    struct dg_pg *pg = NULL;
    struct dg_pg_options to = {.db = first};
    int rc = dg_pg_connect(&to, &pg, err);
    rc = rc != 0 ? rc : dg_pg_run(pg, "make a database", "CREATE DATABASE driftgauge", err);
    dg_pg_close(pg);
    pg = NULL;
    to.db = s->target;
    rc = rc != 0 ? rc : dg_pg_connect(&to, &pg, err);
    const struct dg_migration_list list = dg_migration_list();
    const struct dg_migrate_options how = {0};
    rc = rc != 0 ? rc : dg_schema_migrate(pg, &list, &how, err);
    dg_pg_close(pg);
    return rc;
}

int dg_demo_server_start(struct dg_demo_server *s, const char *dir, bool outlive,
                         struct dg_error *err)
{
    int rc = find_program(s, err);
    rc = rc != 0 ? rc : choose_user(s, err);
    rc = rc != 0 ? rc : make_home(s, dir, err);
    rc = rc != 0 ? rc : make_cluster(s, err);
    rc = rc != 0 ? rc : launch(s, outlive, err);
    rc = rc != 0 ? rc : wait_until_ready(s, err);
    rc = rc != 0 ? rc : make_schema(s, err);
    if (rc != 0) {
        dg_demo_server_stop(s);
    }
    return rc;
}

void dg_demo_server_stop(struct dg_demo_server *s)
{
    dg_demo_stop(&s->pid, SIGINT, STOP_MS);
}

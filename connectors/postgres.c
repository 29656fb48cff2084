#include "connectors/postgres.h"

#include "connectors/clock.h"
#include "connectors/postgres_guard.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_MAX 1024

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static void one_line(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' ')) {
        text[--len] = '\0';
    }
    for (char *p = text; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\t') {
            *p = ' ';
        }
    }
}

/* libpq asks on a line of its own whether the server runs; what it found out says that already. */
static void without_questions(char *text)
{
    char *at;
    while ((at = strstr(text, "\n\tIs the server running")) != NULL) {
        const char *rest = strchr(at + 1, '\n');
        rest = rest == NULL ? text + strlen(text) : rest;
        memmove(at, rest, strlen(rest) + 1);
    }
}

/* "database "x" on host:port as user", from what libpq would use. */
static void describe(const PGconn *conn, char place[256])
{
    const char *host = PQhost(conn), *port = PQport(conn), *db = PQdb(conn), *user = PQuser(conn);
    snprintf(place, 256, "database \"%.60s\" on %.100s%s%.10s as %.60s", db == NULL ? "" : db,
             host == NULL || host[0] == '\0' ? "the local socket" : host,
             host != NULL && host[0] == '/' ? " port " : ":", port == NULL ? "" : port,
             user == NULL ? "" : user);
}

static bool looks_like_conninfo(const char *db)
{
    return strchr(db, '=') != NULL || strncmp(db, "postgres://", 11) == 0 ||
           strncmp(db, "postgresql://", 13) == 0;
}

/* libpq's words about a bad string would quote it, and with it perhaps a password. */
static int check_conninfo(const char *db, bool password_allowed, struct dg_error *err)
{
    if (db == NULL || !looks_like_conninfo(db)) {
        return 0;
    }
    PQconninfoOption *list = PQconninfoParse(db, NULL);
    if (list == NULL) {
        return dg_fail(err, EINVAL,
                       "%s is no connection string: write postgresql://user@host:port/database, "
                       "or key=value pairs such as \"host=db.example.org dbname=ml user=writer\"",
                       password_allowed ? "DRIFTGAUGE_DB" : "--db");
    }
    bool has_password = false;
    for (const PQconninfoOption *o = list; o->keyword != NULL; o++) {
        has_password |= strcmp(o->keyword, "password") == 0 && o->val != NULL && *o->val != '\0';
    }
    PQconninfoFree(list);
    if (has_password && !password_allowed) {
        return dg_fail(err, EINVAL,
                       "--db contains a password, which every user of this machine could see: "
                       "leave it out and use --db-password-file, PGPASSWORD or ~/.pgpass");
    }
    return 0;
}

static int read_password(const char *path, char password[PASSWORD_MAX], struct dg_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return dg_fail(err, EINVAL, "cannot open the password file %s: %s", path, strerror(errno));
    }
    const bool got = fgets(password, PASSWORD_MAX, file) != NULL;
    const bool whole = !got || strchr(password, '\n') != NULL || feof(file);
    fclose(file);
    password[got ? strcspn(password, "\r\n") : 0] = '\0';
    if (!whole || password[0] == '\0') {
        explicit_bzero(password, PASSWORD_MAX);
        return dg_fail(err, EINVAL, "the password file %s %s: its first line is the password", path,
                       whole ? "is empty" : "has a line that is too long");
    }
    return 0;
}

bool dg_pg_connect_hopeless(const struct dg_error *err)
{
    static const char *const words[] = {
        "password authentication failed", "give the password by", "does not exist",
        "no pg_hba.conf entry",           "permission denied",    "is not permitted to log in",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(err->message, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static int connect_failed(const struct dg_pg *pg, struct dg_error *err)
{
    char reason[512];
    snprintf(reason, sizeof reason, "%s", PQerrorMessage(pg->conn));
    without_questions(reason);
    one_line(reason);
    const char *hint = "check that the server runs and that --db, database.target, DRIFTGAUGE_DB "
                       "or PGHOST names it";
    if (PQconnectionNeedsPassword(pg->conn)) {
        hint = "give the password by --db-password-file, database.password_file, PGPASSWORD or "
               "~/.pgpass";
    } else if (PQconnectionUsedPassword(pg->conn)) {
        hint = "check user and password";
    } else if (strstr(reason, "does not exist") != NULL) {
        hint = "check the names of database and user";
    }
    return dg_fail(err, ECONNREFUSED, "cannot connect to PostgreSQL, %s: %s; %s", pg->place, reason,
                   hint);
}

/* Several hosts are tried one after the other, which libpq does with a time-out for each only where
 * it waits itself. */
static bool is_one_host(PGconn *conn, int *timeout_s)
{
    PQconninfoOption *list = PQconninfo(conn);
    bool one = list != NULL;
    *timeout_s = 0;
    for (const PQconninfoOption *o = list; o != NULL && o->keyword != NULL; o++) {
        if (o->val != NULL && strncmp(o->keyword, "host", 4) == 0) { /* host, hostaddr */
            one = one && strchr(o->val, ',') == NULL;
        } else if (o->val != NULL && strcmp(o->keyword, "connect_timeout") == 0) {
            *timeout_s = atoi(o->val);
        }
    }
    PQconninfoFree(list);
    return one;
}

/* Until the session is there, has failed, takes too long or is given up. False: too long. */
static bool wait_for_session(PGconn *conn, int timeout_s)
{
    const int64_t began_ms = dg_steady_ms();
    /* As libpq takes it: 0 is forever, less than 2 s are 2. */
    const int64_t limit_ms = INT64_C(1000) * (timeout_s == 1 ? 2 : timeout_s);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
        struct pollfd at = {.fd = PQsocket(conn),
                            .events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if (dg_pg_guard_given_up(began_ms) ||
            (limit_ms > 0 && dg_steady_ms() - began_ms >= limit_ms)) {
            return false;
        }
        if (poll(&at, 1, 100) > 0) {
            status = PQconnectPoll(conn);
        }
    }
    return true;
}

/* As PQconnectdbParams, but dg_pg_guard_cut ends it. */
static PGconn *connect_params(const char *const keywords[], const char *const values[],
                              bool *too_long)
{
    int timeout_s = 0;
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    *too_long = false;
    if (conn == NULL || PQstatus(conn) == CONNECTION_BAD) {
        return conn;
    }
    if (is_one_host(conn, &timeout_s)) {
        *too_long = !wait_for_session(conn, timeout_s);
        return conn;
    }
    PQfinish(conn);
    return PQconnectdbParams(keywords, values, 1);
}

static int open_session(struct dg_pg *pg, const char *db, const char *password,
                        struct dg_error *err)
{
    /* What comes before dbname is a default, what comes after overrides the connection string. */
    static const struct {
        const char *keyword, *value;
    } patience[] = {
        /* A server that vanished without a word is noticed within half a minute. */
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "30000"},
    };
    const char *keywords[12];
    const char *values[12];
    int n = 0;
    if (getenv("PGCONNECT_TIMEOUT") == NULL) {
        keywords[n] = "connect_timeout";
        values[n++] = "10";
    }
    for (size_t i = 0; i < sizeof patience / sizeof patience[0]; i++) {
        keywords[n] = patience[i].keyword;
        values[n++] = patience[i].value;
    }
    keywords[n] = "dbname";
    values[n++] = db;
    if (password[0] != '\0') {
        keywords[n] = "password";
        values[n++] = password;
    }
    keywords[n] = "client_encoding";
    values[n++] = "UTF8";
    keywords[n] = "fallback_application_name";
    values[n++] = "driftgauge";
    keywords[n] = NULL;
    values[n] = NULL;
    bool too_long = false;
    pg->conn = connect_params(keywords, values, &too_long);
    if (pg->conn == NULL) {
        return dg_fail_memory(err);
    }
    describe(pg->conn, pg->place);
    if (too_long) {
        return dg_fail(
            err, ECONNREFUSED,
            "cannot connect to PostgreSQL, %s: it does not answer; check that the server "
            "is not stopped or overloaded, and that nothing between swallows packets",
            pg->place);
    }
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        return connect_failed(pg, err);
    }
    PQsetNoticeProcessor(pg->conn, ignore_notice, NULL);
    dg_pg_guard_add(pg);
    return dg_pg_run(pg, "set up the session",
                     "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1; "
                     "SET bytea_output = 'hex'",
                     err);
}

int dg_pg_connect(const struct dg_pg_options *options, struct dg_pg **out, struct dg_error *err)
{
    const char *db = options->db != NULL ? options->db : getenv("DRIFTGAUGE_DB");
    const char *file = options->password_file != NULL ? options->password_file
                                                      : getenv("DRIFTGAUGE_DB_PASSWORD_FILE");
    char password[PASSWORD_MAX] = "";
    int code = check_conninfo(db, options->db == NULL, err);
    if (code == 0 && file != NULL && *file != '\0') {
        code = read_password(file, password, err);
    }
    if (code != 0) {
        return code;
    }
    struct dg_pg *pg = calloc(1, sizeof *pg);
    if (pg == NULL) {
        code = dg_fail_memory(err);
    } else {
        code = open_session(pg, db, password, err);
    }
    explicit_bzero(password, sizeof password);
    if (code != 0) {
        dg_pg_close(pg);
        return code;
    }
    *out = pg;
    return 0;
}

void dg_pg_close(struct dg_pg *pg)
{
    if (pg != NULL) {
        dg_pg_guard_remove(pg);
        PQfinish(pg->conn);
        free(pg);
    }
}

void dg_pg_clear(struct pg_result *result)
{
    PQclear(result);
}

static int code_of_state(const char *state, const char **hint)
{
    static const struct {
        const char *prefix;
        int code;
        const char *hint;
    } table[] = {
        {"42501", EACCES, "; connect as a role that may, see docs/POSTGRES.md"},
        {"25006", EROFS, "; connect to the primary, as a role that may write"},
        {"42P01", ENOENT, "; run driftgauge db migrate"},
        {"3F000", ENOENT, "; run driftgauge db migrate"},
        {"42883", ENOENT, "; run driftgauge db migrate"},
        {"55P03", ETIMEDOUT, "; somebody else holds a lock, try again"},
        {"57014", ETIMEDOUT, "; statement_timeout is too short or the server is busy"},
        {"57P", ECONNRESET, "; nothing that was not committed is there, start again"},
        {"08", ECONNRESET, "; nothing that was not committed is there, start again"},
        {"53100", ENOSPC, "; make room on the server"},
        {"40001", EAGAIN, "; try again"},
        {"40P01", EAGAIN, "; try again"},
        {"533", EAGAIN, "; raise max_connections, or try again"},
        {"53200", EAGAIN, "; the server is short of memory"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strncmp(state, table[i].prefix, strlen(table[i].prefix)) == 0) {
            *hint = table[i].hint;
            return table[i].code;
        }
    }
    *hint = "";
    return EIO;
}

int dg_pg_fail(const struct dg_pg *pg, const struct pg_result *result, const char *what,
               struct dg_error *err)
{
    char reason[600];
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = "";
    int code = EIO;
    if (state != NULL) {
        code = code_of_state(state, &hint);
    }
    /* A failure that the server did not report is one of the connection, even where libpq has not
     * yet marked it as broken. */
    if (PQstatus(pg->conn) == CONNECTION_BAD || state == NULL) {
        code = ECONNRESET;
        hint = "; nothing that was not committed is there, start again";
    }
    if (code == ECONNRESET && pg->renewed) {
        hint = "";
    }
    snprintf(reason, sizeof reason, "%s%s%s", primary != NULL ? primary : PQerrorMessage(pg->conn),
             detail != NULL ? ": " : "", detail != NULL ? detail : "");
    one_line(reason);
    if (code == ECONNRESET) {
        return dg_fail(err, code, "lost PostgreSQL, %s, cannot %s: %s%s", pg->place, what, reason,
                       hint);
    }
    return dg_fail(err, code, "PostgreSQL, %s, cannot %s: %s (SQLSTATE %s)%s", pg->place, what,
                   reason, state == NULL ? "none" : state, hint);
}

static int check_result(const struct dg_pg *pg, PGresult *result, const char *what,
                        struct dg_error *err)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY ||
        status == PGRES_COPY_IN) {
        return 0;
    }
    return dg_pg_fail(pg, result, what, err);
}

int dg_pg_run(struct dg_pg *pg, const char *what, const char *sql, struct dg_error *err)
{
    dg_pg_wait_begin(pg);
    PGresult *result = PQexec(pg->conn, sql);
    dg_pg_wait_end(pg);
    const int code = check_result(pg, result, what, err);
    PQclear(result);
    return code;
}

int dg_pg_query(struct dg_pg *pg, const char *what, const char *sql, int n,
                const char *const values[], struct pg_result **out, struct dg_error *err)
{
    dg_pg_wait_begin(pg);
    PGresult *result = PQexecParams(pg->conn, sql, n, NULL, values, NULL, NULL, 0);
    dg_pg_wait_end(pg);
    const int code = check_result(pg, result, what, err);
    if (code != 0) {
        PQclear(result);
        return code;
    }
    *out = result;
    return 0;
}

const char *dg_pg_text(const struct pg_result *result, int row, int column)
{
    return PQgetvalue(result, row, column);
}

long long dg_pg_integer(const struct pg_result *result, int row, int column, long long otherwise)
{
    return PQgetisnull(result, row, column) ? otherwise
                                            : strtoll(PQgetvalue(result, row, column), NULL, 10);
}

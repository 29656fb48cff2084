#!/usr/bin/env bash
# Goal: the schema does what docs/POSTGRES.md says, and `driftgauge db` keeps its hands off what it
# does not understand. Method: a real server, the real program, psql as the roles concerned; run by
# with_postgres.sh.
set -euo pipefail
export LC_ALL=C
dg=$DG_BINARY
work=$DG_PG_DIR
failures=0

check() { # check WORDS GOT WANTED
    if [ "$2" != "$3" ]; then
        printf 'FAILED %s\n  got:    %s\n  wanted: %s\n' "$1" "$2" "$3" >&2
        failures=$((failures + 1))
    fi
}
matches() { # matches WORDS GOT PATTERN
    if ! grep -qE -- "$3" <<<"$2"; then
        printf 'FAILED %s\n  got:    %s\n  wanted: %s\n' "$1" "$2" "$3" >&2
        failures=$((failures + 1))
    fi
}
sql() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1" 2>&1; }
as() { # as ROLE SQL: log in as that role
    PGUSER=$1 psql -XqAt -v ON_ERROR_STOP=1 -c "$2" 2>&1 || true
}
# Exit code and words of a command that should fail.
answer() {
    local code=0 words
    words=$("$@" 2>&1) || code=$?
    echo "$code $words"
}

schema_is_created_once_and_reported() {
    matches "status before" "$("$dg" db status)" "no schema: run driftgauge db migrate"
    check "dry run lists all" "$("$dg" db migrate --dry-run | grep -c '^would apply')" "$(ls "$DG_SOURCE_DIR"/sql/*.sql | wc -l)"
    check "dry run changes nothing" "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'driftgauge%'")" 0
    check "first time" "$("$dg" db migrate | grep -c '^applied')" "$(ls "$DG_SOURCE_DIR"/sql/*.sql | wc -l)"
    matches "second time" "$("$dg" db migrate)" "^up to date"
    matches "status after" "$("$dg" db status)" "up to date since 20"
    matches "status as JSON" "$("$dg" db status -o json)" '"migrations_applied":[0-9]+,.*"stray_partitions":0'
    check "checksums are those of the files" \
        "$(sql "SELECT sha256 || '  ' || name || '.sql' FROM driftgauge.schema_migration ORDER BY number")" \
        "$(cd "$DG_SOURCE_DIR/sql" && sha256sum -- *.sql)"
}

print_sql_makes_the_same_schema() {
    createdb by_hand
    "$dg" db print-sql | psql -Xq -v ON_ERROR_STOP=1 -d by_hand >/dev/null
    pg_dump --schema-only -d driftgauge >"$work/migrate.sql"
    pg_dump --schema-only -d by_hand >"$work/by_hand.sql"
    check "dumps are equal" "$(diff <(grep -v '^\\' "$work/migrate.sql") <(grep -v '^\\' "$work/by_hand.sql") | head -5)" ""
    matches "db migrate agrees" "$(PGDATABASE=by_hand "$dg" db migrate)" "^up to date"
    check "--from leaves out" "$("$dg" db print-sql --from 3 | grep -c '^BEGIN;')" "$(($(ls "$DG_SOURCE_DIR"/sql/*.sql | wc -l) - 2))"
    dropdb by_hand
}

edited_and_newer_schemas_are_refused() {
    local before
    before=$(pg_dump --schema-only -d driftgauge | grep -v '^\\' | sha256sum)
    sql "UPDATE driftgauge.schema_migration SET sha256 = repeat('0', 64) WHERE number = 2"
    matches "edited" "$(answer "$dg" db migrate)" "^1 .*0002_dimensions.*must never be edited"
    matches "edited, status" "$(answer "$dg" db status)" "^1 .*must never be edited"
    sql "UPDATE driftgauge.schema_migration SET sha256 = '$(sha256sum <"$DG_SOURCE_DIR/sql/0002_dimensions.sql" | cut -d' ' -f1)' WHERE number = 2"
    sql "INSERT INTO driftgauge.schema_migration SELECT max(number) + 1, '9999_future', repeat('f', 64), now(), 'x', '9.9' FROM driftgauge.schema_migration"
    matches "newer" "$(answer "$dg" db migrate)" "^1 .*newer driftgauge"
    matches "newer, status" "$("$dg" db status)" "newer than this program"
    sql "DELETE FROM driftgauge.schema_migration WHERE name = '9999_future'"
    sql "DELETE FROM driftgauge.schema_migration WHERE number = 1"
    matches "gap" "$(answer "$dg" db migrate)" "^1 .*changed by hand"
    sql "INSERT INTO driftgauge.schema_migration VALUES (1, '0001_foundation', '$(sha256sum <"$DG_SOURCE_DIR/sql/0001_foundation.sql" | cut -d' ' -f1)', now(), 'x', '0')"
    matches "restored" "$("$dg" db migrate)" "^up to date"
    check "nothing was changed" "$(pg_dump --schema-only -d driftgauge | grep -v '^\\' | sha256sum)" "$before"
}

# The first N transactions of print-sql: the schema as a program with N migrations made it.
first_migrations() {
    "$dg" db print-sql | awk -v n="$1" '/^BEGIN;/ { i++ } i > 0 && i <= n'
}

every_older_schema_is_brought_up_to_date() {
    local n all
    all=$(ls "$DG_SOURCE_DIR"/sql/*.sql | wc -l)
    pg_dump --schema-only -d driftgauge | grep -v '^\\' >"$work/new.sql"
    for ((n = 0; n < all; n++)); do
        createdb old
        first_migrations "$n" | psql -Xq -v ON_ERROR_STOP=1 -d old >/dev/null
        if [ "$n" -gt 0 ]; then
            matches "status of $n" "$("$dg" db status --db old)" "$n of $all|$((all - n)) missing|migrate"
        fi
        check "the rest of $n" "$("$dg" db migrate --db old | grep -c '^applied')" "$((all - n))"
        check "as made at once, from $n" "$(diff <(pg_dump --schema-only -d old | grep -v '^\\') "$work/new.sql" | head -5)" ""
        dropdb old
    done
}

# until_one CONDITION: one session is like that, within 10 s
until_one() {
    local i
    for ((i = 0; i < 100; i++)); do
        [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE $1")" = 1 ] && return
        sleep 0.1
    done
    check "a session with $1" none one
}

a_migration_that_was_interrupted_leaves_the_version_before() {
    local all holder
    all=$(ls "$DG_SOURCE_DIR"/sql/*.sql | wc -l)
    createdb half
    first_migrations "$((all - 1))" | psql -Xq -v ON_ERROR_STOP=1 -d half >/dev/null
    psql -Xq -d half -c "BEGIN; LOCK driftgauge.schema_migration IN SHARE MODE; SELECT pg_sleep(60)" >/dev/null 2>&1 &
    holder=$!
    until_one "datname = 'half' AND wait_event = 'PgSleep'"
    "$dg" db migrate --db half >"$work/killed" 2>&1 &
    local migrator=$!
    until_one "datname = 'half' AND wait_event_type = 'Lock'"
    kill -9 "$migrator"
    wait "$migrator" 2>/dev/null || true
    matches "somebody holds a lock" "$(answer "$dg" db migrate --db half)" "^[16] .*lock"
    matches "the schema before" "$("$dg" db status --db half)" "migrate"
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'half'" >/dev/null
    wait "$holder" 2>/dev/null || true
    check "once more, and it is done" "$("$dg" db migrate --db half | grep -c '^applied')" 1
    check "as made at once" "$(diff <(pg_dump --schema-only -d half | grep -v '^\\') "$work/new.sql" | head -5)" ""
    dropdb half
}

a_second_migrator_waits() {
    createdb twice
    local a b
    PGDATABASE=twice "$dg" db migrate >"$work/a" 2>&1 &
    a=$!
    PGDATABASE=twice "$dg" db migrate >"$work/b" 2>&1 &
    b=$!
    wait $a
    wait $b
    check "every migration once" "$(cat "$work/a" "$work/b" | grep -c '^applied')" "$(ls "$DG_SOURCE_DIR"/sql/*.sql | wc -l)"
    dropdb twice
}

a_role_without_superuser_can_migrate() {
    sql "CREATE ROLE admin LOGIN CREATEROLE; GRANT driftgauge_owner TO admin WITH ADMIN OPTION"
    sql "CREATE DATABASE managed OWNER admin"
    matches "migrates" "$(PGUSER=admin PGDATABASE=managed "$dg" db migrate 2>&1)" "applied 0006_views"
    matches "retention" "$(PGUSER=admin PGDATABASE=managed "$dg" db retention --older-than 90d 2>&1)" "^0 partitions"
    dropdb managed
    sql "CREATE ROLE stranger LOGIN"
    createdb foreign
    matches "a stranger is refused" "$(answer env PGUSER=stranger PGDATABASE=foreign "$dg" db migrate)" \
        "^1 .*0001_foundation.*(admin option|permission denied)"
    check "and leaves nothing" "$(psql -XqAt -d foreign -c "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'driftgauge%'")" 0
    dropdb foreign
}

everything_has_a_comment() {
    check "tables and views" "$(sql "SELECT oid::regclass FROM pg_class
        WHERE relnamespace IN ('driftgauge'::regnamespace, 'driftgauge_view'::regnamespace)
          AND relkind IN ('r', 'p', 'v') AND obj_description(oid, 'pg_class') IS NULL")" ""
    check "columns" "$(sql "SELECT attrelid::regclass || '.' || attname FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
        WHERE relnamespace IN ('driftgauge'::regnamespace, 'driftgauge_view'::regnamespace) AND attnum > 0
          AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND col_description(attrelid, attnum) IS NULL")" ""
    check "functions" "$(sql "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'driftgauge'::regnamespace
        AND obj_description(oid, 'pg_proc') IS NULL")" ""
}

views_run_with_the_readers_rights() {
    check "security_invoker" "$(sql "SELECT relname FROM pg_class WHERE relkind = 'v'
        AND relnamespace IN ('driftgauge'::regnamespace, 'driftgauge_view'::regnamespace)
        AND NOT coalesce(reloptions @> '{security_invoker=true}', false)")" ""
    check "no table with a tenant lacks a policy" "$(sql "SELECT c.oid::regclass FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE relnamespace = 'driftgauge'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
          AND NOT relrowsecurity AND relname <> 'tenant_role'")" ""
}

# Two tenants with a monitor and a few results each.
seed() {
    sql "INSERT INTO driftgauge.tenant (tenant_id, name) VALUES (7, 'acme')"
    sql "CREATE ROLE acme NOLOGIN; CREATE ROLE alice LOGIN IN ROLE driftgauge_reader, acme;
         CREATE ROLE bob LOGIN IN ROLE driftgauge_reader; CREATE ROLE carol LOGIN IN ROLE driftgauge_writer;
         ALTER ROLE driftgauge_reader LOGIN; ALTER ROLE driftgauge_writer LOGIN;
         INSERT INTO driftgauge.tenant_role VALUES ('acme', 7), ('no_such_role', 7)"
    local t
    for t in 1 7; do
        sql "WITH m AS (INSERT INTO driftgauge.monitor (tenant_id, name) VALUES ($t, 'm$t') RETURNING monitor_id),
             c AS (INSERT INTO driftgauge.config_version (tenant_id, monitor_id, hash) SELECT $t, monitor_id, 'h' FROM m RETURNING *),
             l AS (INSERT INTO driftgauge.slice (tenant_id, monitor_id, version, variant, segment) SELECT $t, monitor_id, '', '', 'all' FROM m RETURNING *),
             w AS (INSERT INTO driftgauge.monitor_window SELECT monitor_id, '1 h', $t FROM m)
             INSERT INTO driftgauge.slice_result (window_size, window_end, run_id, monitor_id, config_id, slice_id, revision, tenant_id,
                    silent, stream, rows, n_series, n_drift, n_warn, severity)
             SELECT '1 h', '2026-01-01 00:00Z'::timestamptz + i * interval '1 h', 0, m.monitor_id, c.config_id, l.slice_id, r, $t,
                    false, true, 100 * r + i, 1, 0, 0, 'ok'
               FROM m, c, l, generate_series(1, 3) i, generate_series(0, 1) r ORDER BY r"
    done
}

readers_see_their_tenants_latest_revisions_and_nothing_else() {
    check "default tenant" "$(as bob "SELECT monitor, rows FROM driftgauge_view.slice ORDER BY time" | tr '\n' ' ')" "m1|101 m1|102 m1|103 "
    check "member of acme" "$(as alice "SELECT DISTINCT monitor FROM driftgauge_view.slice ORDER BY 1" | tr '\n' ' ')" "m1 m7 "
    check "status: last window" "$(as bob "SELECT time, run, monitor, rows FROM driftgauge_view.status")" "2026-01-01 03:00:00+00||m1|103"
    check "a reader cannot become another" "$(as bob "SET driftgauge.tenant = 7; SET search_path = driftgauge_view; SELECT count(DISTINCT monitor) FROM slice")" 1
    matches "no base table" "$(as bob "SELECT * FROM driftgauge.slice_result")" "permission denied for schema driftgauge"
    matches "no partition" "$(as bob "SELECT * FROM driftgauge.slice_result_default")" "permission denied for schema driftgauge"
    sql "GRANT USAGE ON SCHEMA driftgauge TO bob"
    check "policies hold on the tables too" "$(as bob "SELECT count(DISTINCT tenant_id) FROM driftgauge.slice_result")" 1
    matches "partitions carry no grant" "$(as bob "SELECT * FROM driftgauge.slice_result_default")" "permission denied for table"
    matches "no writing" "$(as bob "DELETE FROM driftgauge.slice_result")" "permission denied for table"
    matches "no writing of dimensions" "$(as bob "INSERT INTO driftgauge.monitor (tenant_id, name) VALUES (1, 'x')")" "permission denied"
    sql "REVOKE USAGE ON SCHEMA driftgauge FROM bob"
    matches "views are not writable" "$(as bob "DELETE FROM driftgauge_view.monitor")" "permission denied|cannot delete"
    matches "the reader's session is read-only" "$(as driftgauge_reader "CREATE TEMP TABLE t ()")" "read-only transaction"
    check "and cut off" "$(as driftgauge_reader "SHOW statement_timeout")" 30s
    check "views without schema" "$(as driftgauge_reader "SELECT count(*) FROM slice")" 3
    matches "no DDL" "$(as bob "CREATE TABLE driftgauge_view.t ()")" "permission denied"
    matches "no functions of the owner" "$(as bob "SELECT driftgauge.drop_partition('x')")" "permission denied"
}

every_view_answers_a_reader() {
    local view
    for view in $(sql "SELECT relname FROM pg_class WHERE relnamespace = 'driftgauge_view'::regnamespace AND relkind = 'v'"); do
        matches "view $view" "$(as bob "SELECT count(*) FROM driftgauge_view.$view")" "^[0-9]+$"
    done
}

writers_write_their_tenant_and_no_ddl() {
    matches "no DDL" "$(as carol "CREATE TABLE driftgauge.t ()")" "permission denied for schema"
    matches "no ALTER" "$(as carol "ALTER TABLE driftgauge.monitor ADD x int")" "must be owner"
    matches "no TRUNCATE" "$(as carol "TRUNCATE driftgauge.slice_result")" "permission denied"
    matches "no dropping" "$(as carol "SELECT driftgauge.drop_partition('slice_result_default')")" "permission denied"
    matches "no making of odd partitions" "$(as carol "SELECT driftgauge.make_partition('slice_result', now(), now(), 'x')")" "permission denied"
    matches "no rights for itself" "$(as carol "INSERT INTO driftgauge.tenant_role VALUES ('carol', 7)")" "permission denied"
    matches "no migrations" "$(as carol "DELETE FROM driftgauge.schema_migration")" "permission denied"
    check "its tenant's rows" "$(as carol "UPDATE driftgauge.slice_result SET n_warn = 1 RETURNING tenant_id" | sort -u)" 1
    matches "no rows of another" "$(as carol "INSERT INTO driftgauge.monitor (tenant_id, name) VALUES (7, 'x')")" "row-level security"
    matches "not with another's monitor" "$(as carol "INSERT INTO driftgauge.slice (tenant_id, monitor_id, version, variant, segment)
        VALUES (1, 2, '', '', 'x')")" "violates foreign key"
    matches "the live run stays" "$(as carol "UPDATE driftgauge.run SET name = 'x' WHERE run_id = 0 RETURNING 1; SELECT name = '' FROM driftgauge.run WHERE run_id = 0")" "^t$"
    check "partitions come on request" "$(as carol "SELECT lower, upper FROM driftgauge.ensure_partition('2019-02-14 12:00Z')")" \
        "2019-02-01 00:00:00+00|2019-03-01 00:00:00+00"
}

audit_log_only_grows() {
    as carol "INSERT INTO driftgauge.audit_log (tenant_id, at, actor, action, object) VALUES (1, '1999-01-01', 'ghost', 'test.entry', 'x')" >/dev/null
    check "actor and time are the database's" "$(sql "SELECT actor, at > now() - interval '1 h' FROM driftgauge.audit_log WHERE action = 'test.entry'")" "carol|t"
    matches "no change by the writer" "$(as carol "UPDATE driftgauge.audit_log SET actor = 'x'")" "permission denied"
    matches "nor by the owner" "$(sql "SET ROLE driftgauge_owner; DELETE FROM driftgauge.audit_log" || true)" "append-only"
    matches "nor truncated" "$(sql "TRUNCATE driftgauge.audit_log" || true)" "append-only"
    check "readers read it" "$(as bob "SELECT count(*) FROM driftgauge_view.audit WHERE action = 'test.entry'")" 1
}

partitions_are_months_of_old_and_days_of_now() {
    local today
    today=$(sql "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
    sql "SELECT driftgauge.create_partitions_ahead(2)" >/dev/null
    check "days ahead" "$(sql "SELECT count(*) FROM driftgauge.result_partition WHERE name LIKE 'series_result_d%' AND upper - lower = '1 day'")" 3
    check "again is no work" "$(sql "SELECT driftgauge.create_partitions_ahead(2)")" 0
    check "today's" "$(sql "SELECT count(*) FROM driftgauge.result_partition WHERE name = 'slice_result_d$today'")" 1
    check "the safety net gives back what belongs elsewhere" \
        "$(sql "SELECT count(*) FROM driftgauge.slice_result_default WHERE window_end < '2026-02-01'"):$(sql "SELECT driftgauge.ensure_partition('2026-01-01 01:00Z')" >/dev/null
           sql "SELECT count(*) FROM driftgauge.slice_result_default"):$(sql "SELECT tableoid::regclass, count(*) FROM driftgauge.slice_result GROUP BY 1")" \
        "12:0:driftgauge.slice_result_m202601|12"
    check "views see the moved rows once" "$(as bob "SELECT count(*) FROM driftgauge_view.slice")" 3
    check "the trigger came along" "$(sql "INSERT INTO driftgauge.slice_result (window_size, window_end, run_id, monitor_id, config_id, slice_id,
            revision, tenant_id, silent, stream, rows, n_series, n_drift, n_warn, severity)
        SELECT window_size, window_end, run_id, monitor_id, config_id, slice_id, 2, tenant_id, silent, stream, 999, n_series, n_drift, n_warn, severity
          FROM driftgauge.slice_result WHERE tenant_id = 1 AND revision = 1;
        SELECT count(*), min(rows) FROM driftgauge.slice_result WHERE NOT superseded AND tenant_id = 1")" "3|999"
}

retention_drops_what_is_old_but_not_a_young_replay() {
    matches "less than a day is refused" "$(answer "$dg" db retention --older-than 1h)" "^2 .*a day or more"
    matches "older-than is needed" "$(answer "$dg" db retention)" "^2 .*older-than"
    sql "INSERT INTO driftgauge.run (run_id, tenant_id, monitor_id, config_id, name) SELECT 5, 1, monitor_id, config_id, 'try' FROM driftgauge.config_version WHERE tenant_id = 1;
         INSERT INTO driftgauge.slice_result (window_size, window_end, run_id, monitor_id, config_id, slice_id, tenant_id, silent, stream, rows, n_series, n_drift, n_warn, severity)
         SELECT '1 h', '2019-02-14', 5, monitor_id, config_id, 1, 1, false, true, 1, 1, 0, 0, 'ok' FROM driftgauge.config_version WHERE tenant_id = 1"
    local said
    said=$("$dg" db retention --older-than 90d --dry-run)
    matches "dry run" "$said" "would drop slice_result_m202601"
    matches "keeps a replay made today" "$said" "kept +slice_result_m201902: run try of m1"
    check "dry run drops nothing" "$(sql "SELECT count(*) FROM driftgauge.slice_result WHERE window_end > '2026-01-01'")" 15
    matches "drops" "$("$dg" db retention --older-than 90d)" "dropped slice_result_m202601"
    check "old rows are gone" "$(sql "SELECT count(*) FROM driftgauge.slice_result WHERE window_end > '2026-01-01'")" 0
    check "written down" "$(sql "SELECT count(*) > 0 FROM driftgauge.audit_log WHERE action = 'partition.dropped' AND object = 'slice_result_m202601'")" t
    sql "UPDATE driftgauge.run SET started_at = now() - interval '91 days' WHERE run_id = 5"
    check "from inside the database" "$(sql "SELECT driftgauge.retention('90 days')")" 1
}

retention_forgets_streams_that_ended() {
    sql "INSERT INTO driftgauge.live_stream (tenant_id, consumer_group, monitor_id, config_id, baseline_version, ended_at)
         SELECT 1, 'g', monitor_id, config_id, '', at FROM driftgauge.config_version,
                (VALUES (now() - interval '91 days'), (now() - interval '1 day'), (NULL)) e (at) WHERE tenant_id = 1;
         INSERT INTO driftgauge.pane_delta (tenant_id, stream_id, position_id, seq, pane_us, body)
         SELECT 1, stream_id, 1, 1, 0, 'x' FROM driftgauge.live_stream;
         INSERT INTO driftgauge.live_position (tenant_id, stream_id, topic, partition) SELECT 1, stream_id, 't', 0 FROM driftgauge.live_stream"
    sql "INSERT INTO driftgauge.live_definition (tenant_id, stream_id, part, body) SELECT 1, stream_id, '', 'x' FROM driftgauge.live_stream"
    matches "dry run" "$("$dg" db retention --older-than 90d --dry-run)" "would forget 1 live streams"
    check "dry run forgets nothing" "$(sql "SELECT count(*) FROM driftgauge.pane_delta")" 3
    matches "forgets" "$("$dg" db retention --older-than 90d)" "forgot 1 live streams"
    check "panes of the running one stay" "$(sql "SELECT count(*) FROM driftgauge.pane_delta")" 1
    check "and what it is made of" "$(sql "SELECT count(*) FROM driftgauge.live_definition")" 1
    check "the one that ended lately stays" "$(sql "SELECT count(*) FROM driftgauge.live_stream")" 2
    check "its positions too" "$(sql "SELECT count(*) FROM driftgauge.live_position")" 2
    check "readers see them" "$(as bob "SELECT count(*) FROM driftgauge_view.live_stream")" 2
    check "positions of what runs" "$(as bob "SELECT monitor, topic, partition, next_offset IS NULL FROM driftgauge_view.live_position")" "m1|t|0|t"
    check "but not another tenant's" "$(sql "INSERT INTO driftgauge.live_stream (tenant_id, consumer_group, monitor_id, config_id, baseline_version)
        SELECT 7, 'g', monitor_id, config_id, '' FROM driftgauge.config_version WHERE tenant_id = 7";
        as bob "SELECT count(*) FROM driftgauge_view.live_stream")" 2
    matches "writers do not end streams by function" "$(as carol "SELECT driftgauge.end_stream(1)")" "permission denied"
    matches "nor write another tenant's panes" "$(as carol "INSERT INTO driftgauge.pane_delta (tenant_id, stream_id, position_id, seq, pane_us, body) VALUES (7, 1, 1, 1, 1, '')")" "row-level security"
    matches "what counts depend on goes with its stream only" "$(sql "DELETE FROM driftgauge.live_position" || true)" "delete its row of live_stream instead"
    matches "nor all at once" "$(sql "TRUNCATE driftgauge.live_group" || true)" "delete rows of live_stream instead"
    matches "so do panes" "$(sql "DELETE FROM driftgauge.pane_delta" || true)" "delete its row of live_stream instead"
    matches "merged ones, too" "$(sql "INSERT INTO driftgauge.pane_state (tenant_id, stream_id, pane_us, body) SELECT 1, stream_id, 0, 'x' FROM
        driftgauge.pane_delta; DELETE FROM driftgauge.pane_state" || true)" "delete its row of live_stream instead"
    matches "and what a judge remembers" "$(sql "TRUNCATE driftgauge.live_checkpoint" || true)" "delete rows of live_stream instead"
    check "a judge deletes what nobody needs" "$(as carol "BEGIN; SET LOCAL driftgauge.save = 'judge'; DELETE FROM driftgauge.pane_delta RETURNING 1; ROLLBACK")" 1
    matches "nor a position of another's stream" "$(as carol "INSERT INTO driftgauge.live_position (tenant_id, stream_id, topic, partition)
        SELECT 1, max(stream_id), 't', 0 FROM (SELECT 4 AS stream_id) x")" "violates foreign key"
}

failures_to_connect_say_where_and_what_to_do() {
    matches "no server" "$(answer "$dg" db status --db "host=/nowhere dbname=ml")" '^4 .*database "ml" on /nowhere .*check that the server runs'
    matches "libpq's question is left out" "$(answer "$dg" db status --db "host=/nowhere dbname=ml")" 'No such file or directory; check'
    matches "nothing listens" "$(answer "$dg" db status --db "postgresql://bob@127.0.0.1:1/ml")" '^4 .*on 127\.0\.0\.1:1 as bob'
    matches "no such database" "$(answer "$dg" db status --db nosuch)" '^4 .*"nosuch" does not exist'
    matches "no such role" "$(answer "$dg" db status --db "user=nobody_here")" '^4 .*"nobody_here" does not exist'
    matches "password on the command line" "$(answer "$dg" db status --db "postgresql://bob:Geheim42@h/ml")" '^2 .*contains a password'
    matches "not a connection string" "$(answer "$dg" db status --db "host=x password='Geheim42")" '^2 .*no connection string'
    printf 'Geheim42\n' >"$work/password"
    local said
    said=$(answer "$dg" db status --db "host=127.0.0.1 port=1 dbname=ml" --db-password-file "$work/password")
    matches "password from a file" "$said" '^4 '
    said+=$(answer env DRIFTGAUGE_DB="postgresql://bob:Geheim42@127.0.0.1:1/ml" "$dg" -v db status)
    said+=$(answer env DRIFTGAUGE_DB="host=x password='Geheim42" "$dg" -v db status)
    said+=$(answer "$dg" db status --db "postgresql://bob:Geheim42@h/ml")
    said+=$(answer "$dg" db status --db "host=x password='Geheim42")
    check "no message has the password" "$(grep -c Geheim42 <<<"$said" || true)" 0
    matches "no password file" "$(answer "$dg" db status --db-password-file "$work/none")" '^2 .*cannot open the password file'
    : >"$work/empty"
    matches "empty password file" "$(answer "$dg" db status --db-password-file "$work/empty")" '^2 .*is empty'
}

passwords_are_taken_from_where_they_should() {
    sql "SET password_encryption = 'scram-sha-256'; CREATE ROLE dora LOGIN SUPERUSER PASSWORD 'Geheim42'"
    local hba
    hba=$(sql "SHOW hba_file")
    cp "$hba" "$work/hba"
    sql "COPY (SELECT line FROM (VALUES (1, 'local all dora scram-sha-256'), (2, 'local all all trust')) t (i, line) ORDER BY i) TO '$hba'" >/dev/null
    sql "SELECT pg_reload_conf()" >/dev/null
    local i
    for i in 1 2 3 4 5 6 7 8 9 10; do # the postmaster reads the file in its own time
        PGUSER=dora PGPASSFILE=/nowhere psql -wXqAtc '' 2>/dev/null || break
        sleep 0.2
    done
    matches "none" "$(answer env PGUSER=dora PGPASSFILE=/nowhere "$dg" db status)" '^4 .*give the password by --db-password-file'
    matches "wrong" "$(answer env PGUSER=dora PGPASSWORD=x "$dg" db status)" '^4 .*check user and password'
    matches "option" "$(PGUSER=dora "$dg" db status --db-password-file "$work/password")" "as dora"
    matches "file in the environment" "$(PGUSER=dora DRIFTGAUGE_DB_PASSWORD_FILE=$work/password "$dg" db status)" "as dora"
    matches "environment" "$(PGUSER=dora PGPASSWORD=Geheim42 "$dg" db status)" "as dora"
    matches "connection string in the environment" "$(DRIFTGAUGE_DB="user=dora password=Geheim42" "$dg" db status)" "as dora"
    printf '*:*:*:dora:Geheim42\n' >"$work/pgpass"
    chmod 600 "$work/pgpass"
    matches "passfile" "$("$dg" db status --db "user=dora passfile=$work/pgpass")" "as dora"
}

for case in schema_is_created_once_and_reported print_sql_makes_the_same_schema \
    edited_and_newer_schemas_are_refused every_older_schema_is_brought_up_to_date \
    a_migration_that_was_interrupted_leaves_the_version_before a_second_migrator_waits a_role_without_superuser_can_migrate \
    everything_has_a_comment views_run_with_the_readers_rights seed \
    readers_see_their_tenants_latest_revisions_and_nothing_else every_view_answers_a_reader \
    writers_write_their_tenant_and_no_ddl audit_log_only_grows partitions_are_months_of_old_and_days_of_now \
    retention_drops_what_is_old_but_not_a_young_replay retention_forgets_streams_that_ended failures_to_connect_say_where_and_what_to_do \
    passwords_are_taken_from_where_they_should; do
    before=$failures
    "$case"
    [ "$failures" -eq "$before" ] && echo "ok $case"
done
[ "$failures" -eq 0 ] || exit 1

/* Goal: what can be known of the PostgreSQL connector without a server: the bytes of COPY rows, the
 * cleaning of names, the table of names, the embedded migrations, refusals before connecting.
 * Method: expected bytes are written out from PostgreSQL's description of the binary format. */
#include "connectors/postgres_copy.h"
#include "connectors/postgres_migrate.h"
#include "tests/check.h"

#include <errno.h>
#include <openssl/evp.h>

/* Hex of the rows, without the 19 bytes of the header. */
static const char *hex(const struct dg_copy *c)
{
    static char text[1024];
    size_t at = 0;
    for (size_t i = 19; i < c->len && at + 3 < sizeof text; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%02x", c->data[i]);
    }
    text[at] = '\0';
    return text;
}

static void rows_are_encoded_as_copy_wants_them(void)
{
    struct dg_copy c = {0};
    dg_copy_row(&c, 6);
    CHECK(memcmp(c.data, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19) == 0);
    dg_copy_null(&c);
    dg_copy_bool(&c, true);
    dg_copy_int16(&c, -2);
    dg_copy_int32(&c, 259);
    dg_copy_count(&c, UINT64_MAX);
    dg_copy_text(&c, "Öl");
    CHECK_STR(hex(&c), "0006"
                       "ffffffff"
                       "00000001"
                       "01"
                       "00000002"
                       "fffe"
                       "00000004"
                       "00000103"
                       "00000008"
                       "7fffffffffffffff"
                       "00000003"
                       "c3966c");
    dg_copy_clear(&c);
    dg_copy_row(&c, 5);
    dg_copy_real(&c, 2.385);
    dg_copy_real(&c, (double)NAN);
    dg_copy_real(&c, -0.0); /* one zero only, or equal results would differ in their dumps */
    dg_copy_time(&c, INT64_C(946684800000000) - 1);
    dg_copy_duration(&c, 1);
    CHECK_STR(hex(&c), "0005"
                       "00000008"
                       "4003147ae147ae14"
                       "ffffffff"
                       "00000008"
                       "0000000000000000"
                       "00000008"
                       "ffffffffffffffff"
                       "00000010"
                       "0000000000000001"
                       "0000000000000000");
    dg_copy_deinit(&c);
}

static void arrays_have_a_header_and_null_elements(void)
{
    struct dg_copy c = {0};
    dg_copy_row(&c, 2);
    dg_copy_reals4(&c, (const float[]){1.5f, (float)NAN}, 2);
    dg_copy_reals8(&c, NULL, 0);
    CHECK_STR(hex(&c), "0002"
                       "00000020"
                       "00000001"
                       "00000001"
                       "000002bc"
                       "00000002"
                       "00000001"
                       "00000004"
                       "3fc00000"
                       "ffffffff"
                       "ffffffff");
    dg_copy_deinit(&c);
}

static void check_clean(const char *text, size_t len, const char *want)
{
    char *got = dg_pg_clean(text, len);
    CHECK_STR(got, want);
    free(got);
}

static void names_that_are_not_utf8_stay_different(void)
{
    check_clean("Öl \xf0\x9f\x99\x82", 8, "Öl \xf0\x9f\x99\x82");
    check_clean("a\xff\xfe", 3, "a\\xff\\xfe");
    check_clean("a\0b", 3, "a\\x00b");
    check_clean("\xc3", 1, "\\xc3");                   /* cut in a letter */
    check_clean("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* a surrogate */
    check_clean("", 0, "");
}

static void names_get_their_own_numbers_back(void)
{
    struct dg_names names = {0};
    char text[32];
    for (int i = 1; i <= 5000; i++) {
        snprintf(text, sizeof text, "s%d", i);
        const struct dg_name name = {.part = {"v1", text}, .n = 2};
        CHECK_INT(dg_names_find(&names, &name), 0);
        CHECK_INT(dg_names_add(&names, &name, i), 0);
    }
    for (int i = 1; i <= 5000; i += 7) {
        snprintf(text, sizeof text, "s%d", i);
        CHECK_INT(dg_names_find(&names, &(struct dg_name){.part = {"v1", text}, .n = 2}), i);
        CHECK_INT(dg_names_find(&names, &(struct dg_name){.part = {"v2", text}, .n = 2}), 0);
    }
    /* Where one part ends matters. */
    CHECK_INT(dg_names_add(&names, &(struct dg_name){.part = {"ab", "c"}, .n = 2}, 6000), 0);
    CHECK_INT(dg_names_find(&names, &(struct dg_name){.part = {"a", "bc"}, .n = 2}), 0);
    CHECK_INT(dg_names_find(&names, &(struct dg_name){.part = {"ab"}, .n = 1}), 0);
    dg_names_deinit(&names);
}

static void migrations_are_numbered_and_have_their_own_checksum(void)
{
    CHECK(dg_n_migrations >= 6);
    for (size_t i = 0; i < dg_n_migrations; i++) {
        const struct dg_migration *m = &dg_migrations[i];
        unsigned char digest[32];
        char text[65] = "";
        CHECK_INT(m->number, (int)i + 1);
        CHECK_INT(atoi(m->name), m->number);
        EVP_Digest(m->sql, strlen(m->sql), digest, NULL, EVP_sha256(), NULL);
        for (size_t b = 0; b < sizeof digest; b++) {
            snprintf(text + 2 * b, 3, "%02x", digest[b]);
        }
        CHECK_STR(m->sha256, text);
        CHECK(strstr(m->sql, "BEGIN;") == NULL && strstr(m->sql, "COMMIT;") == NULL);
    }
}

static void refuse(const char *db, const char *file, const char *words)
{
    struct dg_error err = {0};
    struct dg_pg *pg = NULL;
    CHECK_INT(dg_pg_connect(&(struct dg_pg_options){db, file}, &pg, &err), EINVAL);
    CHECK(pg == NULL);
    CHECK(strstr(err.message, words) != NULL);
    CHECK(strstr(err.message, "Geheim42") == NULL);
}

static void passwords_on_the_command_line_are_refused_unseen(void)
{
    refuse("postgresql://bob:Geheim42@h/ml", NULL, "--db contains a password");
    refuse("host=h password=Geheim42", NULL, "--db contains a password");
    refuse("host=h password='Geheim42", NULL, "--db is no connection string");
    refuse("postgresql://bob:Geheim42@[h/ml", NULL, "--db is no connection string");
    refuse("host=h", "/nowhere/password", "cannot open the password file /nowhere/password");
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(rows_are_encoded_as_copy_wants_them),
                      CASE(arrays_have_a_header_and_null_elements),
                      CASE(names_that_are_not_utf8_stay_different),
                      CASE(names_get_their_own_numbers_back),
                      CASE(migrations_are_numbered_and_have_their_own_checksum),
                      CASE(passwords_on_the_command_line_are_refused_unseen));
}

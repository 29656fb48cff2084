#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/json_text.h"

#include <gsl/gsl_version.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <string.h>
#include <xxhash.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

enum form { FORM_TEXT, FORM_JSON };
static const char *const forms[] = {"text", "json", NULL};

struct version_settings {
    int form;
};

static const struct dg_option version_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = DG_OPTION_WORD,
     .words = forms,
     .initial = "text",
     .doc = "how to print it",
     .offset = offsetof(struct version_settings, form)},
};

static const struct dg_example version_examples[] = {
    {"driftgauge version -o json", "Print what a bug report should say."},
};

const struct dg_command dg_version_command = {
    .name = "version",
    .summary = "print the version and those of the libraries",
    .description = "Print the version of the program, the compiler that built it and the versions "
                   "of the libraries that it runs with.",
    .options = version_options,
    .n_options = DG_COUNT_OF(version_options),
    .examples = version_examples,
    .n_examples = DG_COUNT_OF(version_examples),
    .run = dg_command_version,
};

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

struct library {
    const char *name;
    const char *version;
};

#define LIBRARIES 9

/* The versions at run time; of avro, which cannot tell, the one it was built with. */
static void libraries(struct library list[LIBRARIES])
{
    static char pq[16];
    static char xxhash[16];
    snprintf(pq, sizeof pq, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
    const unsigned x = XXH_versionNumber();
    snprintf(xxhash, sizeof xxhash, "%u.%u.%u", x / 10000, x / 100 % 100, x % 100);
    list[0] = (struct library){"avro", DG_AVRO_VERSION};
    list[1] = (struct library){"crypto", OpenSSL_version(OPENSSL_VERSION_STRING)};
    list[2] = (struct library){"gsl", gsl_version};
    list[3] = (struct library){"jansson", jansson_version_str()};
    list[4] = (struct library){"pq", pq};
    list[5] = (struct library){"xxhash", xxhash};
    list[6] = (struct library){"yaml", yaml_get_version_string()};
    list[7] = (struct library){"zlib", zlibVersion()};
    list[8] = (struct library){"zstd", ZSTD_versionString()};
}

static void put_member(const char *name, const char *value, const char *end)
{
    dg_json_put_text(stdout, name, strlen(name));
    putc(':', stdout);
    dg_json_put_text(stdout, value, strlen(value));
    fputs(end, stdout);
}

int dg_command_version(int argc, char **argv)
{
    struct version_settings settings = {0};
    const int code = dg_options_parse(&dg_version_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    struct library list[LIBRARIES];
    libraries(list);
    if (settings.form == FORM_JSON) {
        putc('{', stdout);
        put_member("version", DG_VERSION, ",");
        put_member("compiler", COMPILER, ",\"libraries\":{");
        for (size_t i = 0; i < LIBRARIES; i++) {
            put_member(list[i].name, list[i].version, i + 1 < LIBRARIES ? "," : "}}\n");
        }
        return DG_EXIT_OK;
    }
    printf("driftgauge %s\ncompiler   %s\n", DG_VERSION, COMPILER);
    for (size_t i = 0; i < LIBRARIES; i++) {
        printf("%-10s %s\n", list[i].name, list[i].version);
    }
    return DG_EXIT_OK;
}

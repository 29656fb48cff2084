/* Any bytes as a monitor file: no crash, no leak, and what is accepted survives `config show`. */
#include "engine/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_again(const struct dg_config *first)
{
    struct dg_diagnostics d = {0};
    struct dg_config second;
    char *shown = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&shown, &n);
    must(out != NULL);
    dg_settings_show(first->settings, out);
    fclose(out);
    must(dg_config_parse("shown", shown, n, &d, &second) == 0);
    must(strcmp(first->monitor->hash, second.monitor->hash) == 0);
    dg_config_deinit(&second);
    dg_diagnostics_deinit(&d);
    free(shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dg_diagnostics d = {0};
    struct dg_config config;
    const int rc = dg_config_parse("fuzz", (const char *)data, size, &d, &config);
    FILE *nowhere = fopen("/dev/null", "w");
    must(nowhere != NULL);
    dg_diagnostics_print(&d, nowhere);
    fclose(nowhere);
    if (rc == 0) {
        check_again(&config);
    }
    dg_config_deinit(&config);
    dg_diagnostics_deinit(&d);
    return 0;
}

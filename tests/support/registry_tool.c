/* registry_tool URL ID...: what our client makes of these ids, a line each: the schema's name or
 * kind, or the name of the failure. For tests against a real registry. */
#include "connectors/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct dg_registry *r = NULL;
    struct dg_error err = {0};
    if (argc < 2) {
        return 2;
    }
    const struct dg_registry_options o = {.url = argv[1]};
    if (dg_registry_open(&o, &r, &err) != 0 || dg_registry_probe(r, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        dg_registry_close(r);
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        const struct dg_avro_type *root = NULL;
        const int rc = dg_registry_schema(r, (uint32_t)strtoul(argv[i], NULL, 10), &root, &err);
        if (rc != 0) {
            printf("%s %s\n", argv[i], rc == ENOENT ? "none" : err.message);
            continue;
        }
        printf("%s %s", argv[i], root->name != NULL ? root->name : dg_avro_kind_name(root->kind));
        for (uint32_t k = 0; root->label != NULL && k < root->n; k++) {
            printf(" %s", root->label[k]);
        }
        printf("\n");
    }
    dg_registry_close(r);
    return 0;
}

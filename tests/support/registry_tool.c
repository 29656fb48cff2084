/* registry_tool [user=NAME] [password_file=FILE] [ca_file=FILE] URL ID...: what our client makes of
 * these ids, a line each: the schema's name or kind, or the name of the failure. For tests against
 * a real registry. */
#include "connectors/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct dg_registry *r = NULL;
    struct dg_error err = {0};
    struct dg_registry_options o = {0};
    int at = 1;
    for (; at < argc; at++) {
        const char *const value = strchr(argv[at], '=');
        const char **const option = value == NULL                           ? NULL
                                    : strncmp(argv[at], "user=", 5) == 0    ? &o.user
                                    : strncmp(argv[at], "ca_file=", 8) == 0 ? &o.ca_file
                                    : strncmp(argv[at], "password_file=", 14) == 0
                                        ? &o.password_file
                                        : NULL;
        if (option == NULL) {
            break;
        }
        *option = value + 1;
    }
    if (at == argc) {
        return 2;
    }
    o.url = argv[at++];
    if (dg_registry_open(&o, &r, &err) != 0 || dg_registry_probe(r, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        dg_registry_close(r);
        return 1;
    }
    for (int i = at; i < argc; i++) {
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

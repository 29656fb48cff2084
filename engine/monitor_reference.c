#include "engine/config.h"
#include "engine/live/settings.h"
#include "engine/monitor_keys.h"
#include "engine/result_fields.h"

static const char preface[] =
    "# Configuration\n"
    "\n"
    "<!-- Written by `driftgauge config reference`; change the tables in engine/monitor_keys.c. "
    "-->\n"
    "\n"
    "A monitor is one YAML file. `driftgauge init --from DATA` writes a first one, `driftgauge "
    "check\n"
    "FILE` finds everything that is wrong with it, `driftgauge config show FILE` prints it with "
    "all\n"
    "defaults, and `driftgauge config schema` prints a JSON Schema for editors. A complete example "
    "is\n"
    "in [examples/monitor.yaml](examples/monitor.yaml).\n"
    "\n"
    "- A **duration** is a whole number and a unit, largest first: `7d`, `1h30m`, `90s`, `250ms`; "
    "units\n"
    "  are `w`, `d`, `h`, `m`, `s`, `ms` and `us`. `0` needs none.\n"
    "- A **number** may be a percentage: `5%` is 0.05.\n"
    "- A **bound** is `above 0.25`, `below 90%`, or a number alone, which means above.\n"
    "- A **field** is the name of a top-level field of the records, or a pointer (RFC 6901) such "
    "as\n"
    "  `/applicant/age` into nested ones.\n"
    "- A **name** has letters, digits, `.`, `_` and `-`, begins with a letter or digit, and has "
    "100\n"
    "  characters at most.\n"
    "- Text stays text: `no`, `1.0` and `~` are not converted. Merge keys, tags and keys that are "
    "there\n"
    "  twice are errors.\n"
    "- `${env:NAME}` and `${env:NAME:-default}` inside a value are replaced by the variable after "
    "the\n"
    "  file was parsed; `$${env:` stands for itself. A variable that is not set is an error.\n"
    "- Results carry 16 hexadecimal digits of the configuration's meaning: comments, order of "
    "keys,\n"
    "  `description` and `owner` do not change them.\n";

static const char metrics_preface[] = "\n## Metrics\n"
                                      "\n"
                                      "What `checks` can put a bound on. A check holds for every "
                                      "row of the results that has a value.\n";

static void put_metrics(FILE *out, bool series, const char *heading)
{
    bool of_series = false;
    fprintf(out, "\n### %s\n\n| metric | meaning |\n|---|---|\n", heading);
    const struct dg_result_field *f = dg_monitor_metric(0, &of_series);
    for (size_t i = 0; f != NULL; f = dg_monitor_metric(++i, &of_series)) {
        if (of_series == series) {
            fprintf(out, "| `%s` | %s |\n", f->name, f->doc);
        }
    }
}

void dg_monitor_reference(FILE *out)
{
    fputs(preface, out);
    dg_schema_markdown(&dg_monitor_section, out);
    fputs(metrics_preface, out);
    put_metrics(out, true, "Of every column");
    put_metrics(out, false, "Of every slice of the stream");
    dg_schema_markdown(&dg_daemon_section, out);
}

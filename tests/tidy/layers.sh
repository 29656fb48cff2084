#!/usr/bin/env bash
# stats <- engine <- connectors <- engine/cli: no include may look the other way.
set -euo pipefail
cd "$1"
bad=0
refuse() { # refuse "why" pattern files...
    local why=$1 pattern=$2
    shift 2
    if grep -nE "$pattern" "$@"; then
        echo "above: $why"
        bad=1
    fi
}
refuse "stats/ knows only itself, libc, libm, GSL and xxhash (dist.c: pthread_once, to switch GSL's handler off once)" \
    '#include ("(engine|connectors|sql)/|<(librdkafka|libpq|avro|jansson|yaml|curl|pthread|openssl|zlib|zstd|time)[./])' $(ls stats/*.[ch] | grep -v '^stats/dist.c$')
refuse "GSL stays behind the doors of stats/" '#include <gsl/' $(ls engine/*.[ch] engine/live/*.[ch] connectors/*.[ch])
refuse "engine/ does not know connectors/ or the command line" '#include "(connectors|engine/cli)/' engine/*.[ch] engine/live/*.[ch]
refuse "connectors/ do not know the command line" '#include "engine/cli/' connectors/*.[ch]
refuse "no clock or chance below the command line" '\b(time|gettimeofday|clock_gettime|rand|random|drand48)\(' stats/*.c $(ls engine/*.c engine/live/*.c | grep -vE 'engine/(log|progress|live/board)\.c')
exit $bad

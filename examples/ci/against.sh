#!/bin/sh
# Compares a service and a program with what was measured before, in baseline/; what is not there yet is
# measured for the next time. Ends with exit code 4 where something regressed, after both were looked at.
set -u
mkdir -p baseline
code=0

against() {
    name=$1
    shift
    if [ -e "baseline/$name.json" ]; then
        maitred compare --against "baseline/$name.json" --fail-on-regression --annotations \
            --export-junit "$name.xml" --export-changes "$name.md" "$@" || code=$?
    else
        maitred compare --save "baseline/$name.json" "$@" || code=$?
    fi
}

against service --count 16 --models sequential,thread-pool:8 examples/ci/service.py:answer
against words --count 4 --models sequential,processes:2 -- ./words
exit $code

//! Texts of the help: exit codes, and what one may type.

/// The one table of exit codes; the README and the manual page show this very text.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    it was measured
  1    nothing could be measured: every model failed (compare), or the run failed (run)
  2    the input is wrong or this machine forbids it; nothing was started
  3    it was measured, but something could not be written
  4    with --strict: a model failed, a claim is refuted, or a verdict is missing;
       with --fail-on-regression: a model regressed since the older result
  70   a defect of maitred
  128+ stopped by a signal: 130 by Ctrl-C; what was measured is kept and shown";

/// What stands below the help of the program.
pub(super) const END: &str = "\
Exit codes:
  0    it was measured
  1    nothing could be measured: every model failed (compare), or the run failed (run)
  2    the input is wrong or this machine forbids it; nothing was started
  3    it was measured, but something could not be written
  4    with --strict: a model failed, a claim is refuted, or a verdict is missing;
       with --fail-on-regression: a model regressed since the older result
  70   a defect of maitred
  128+ stopped by a signal: 130 by Ctrl-C; what was measured is kept and shown

Words: docs/glossary.md explains every word of the output; docs/ has the rest of the manual.";

pub(super) const COMPARE_EXAMPLES: &str = "\
Examples:
  maitred compare waiters --speed 10x
  maitred compare cpu-bound --models thread-pool --workers 1..8
  maitred compare my-own.kdl --set tasks=8
  maitred compare --count 100 -- gzip --version
  maitred compare --sweep j=1,2 -- xz -T {j} -k -f -c /etc/services
  maitred compare --command fast='gzip -1' --command best='gzip -9' --input /etc/services
  maitred compare fetch.py:fetch --inputs urls.txt
  maitred compare http://localhost:8080/ -c 50 -n 2000
  maitred compare cpu-bound --models native/threads,python3/threads
  maitred compare mixed --save before.json
  maitred compare mixed --against before.json
  maitred compare mixed --against last";

pub(super) const SCALE_EXAMPLES: &str = "\
Examples:
  maitred scale cpu-bound --speed 10x
  maitred scale fetch.py:fetch --inputs urls.txt
  maitred scale work.py:hash --models thread-pool,processes --most 16
  maitred scale -- gzip -k data.bin
  maitred scale http://localhost:8080/ -n 2000
  maitred scale mixed --save scaling.json --export-svg scaling.svg";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  maitred check
  maitred check --list
  maitred check 11 18
  maitred check gil
  maitred check --unpack my-claims && maitred check my-claims/02-amdahl.kdl";

pub(super) const CLAIM_EXAMPLES: &str = "\
Examples:
  maitred claim fetch.py:fetch 'throughput of threads over sequential >= 3' --inputs urls.txt --strict
  maitred claim http://localhost:8080/ 'latency-p99 of threads at most 50ms' 'failed of threads = 0'
  maitred claim 'throughput of processes:4 over sequential >= 2' -- sleep 0.1";

pub(super) const STRATEGIES_EXAMPLES: &str = "\
Examples:
  maitred strategies
  maitred strategies native python3
  maitred strategies python3t --export-markdown strategies.md";

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  maitred run waiters --model threads --speed 10x
  maitred run waiters --model threads --set waiters=2 --speed 10x
  maitred run waiters --model threads --trace waiters.trace
  maitred run cpu-bound --model thread-pool --by core --from 10ms --to 60ms";

pub(super) const RUNS_EXAMPLES: &str = "\
Examples:
  maitred runs
  maitred runs waiters --kind compare
  maitred runs tag last before
  maitred runs diff before
  maitred runs show 17 --model native/threads
  maitred runs history
  maitred runs export before -o before.json";

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  maitred report before.json -o report.html
  maitred report waiters.trace -o waiters.html";

pub(super) const SHOW_EXAMPLES: &str = "\
Examples:
  maitred show waiters.trace
  maitred show waiters.trace --by core --from 200ms --to 400ms
  maitred show waiters.trace --export-perfetto waiters.pftrace
  maitred show waiters.trace --export-svg waiters.svg
  maitred show before.json --export-svg scaling.svg --chart scaling --theme dark
  maitred show before.json";

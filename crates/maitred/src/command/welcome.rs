//! Bare `maitred`: what to try first.

/// The text for somebody who has just installed it.
pub(crate) fn text(color: bool) -> String {
    let (bold, plain) = if color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    format!(
        "\
{bold}maitred{plain}: threads, processes or async? Run the work under each and see.

Try first:

  {bold}maitred lab{plain}
      the whole story in the browser: every example runs here, replays, and can be changed
  {bold}maitred compare waiters --speed 10x{plain}
      five tables and one waiter under every model; says which one to use, and why
  {bold}maitred run waiters --model threads --speed 10x{plain}
      one model, drawn: who waits for the waiter, and when
  {bold}maitred compare --count 20 -- gzip --version{plain}
      a command of yours: how many at a time?
  {bold}maitred check gil{plain}
      is it true what is said of the GIL? `maitred check` tests all claims
  {bold}maitred doctor{plain}
      what this machine can measure, and what it cannot

A workload of your own is a few lines of KDL: crates/maitred/GRAMMAR.md. Every word of the output is
in docs/glossary.md. All options: maitred --help, maitred compare --help.
"
    )
}

//! `maitred completions SHELL`: made from the arguments as they are, and from the names of the shipped
//! workloads, which stand beside files where a subject is typed.

use clap::CommandFactory;
use clap_complete::Shell;
use maitred_engine::workloads;

use crate::cli::Cli;

/// The completions for a shell, as that shell's code. What is appended for a shell is not there for
/// those two that few people use here.
pub(crate) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "maitred", &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let names: Vec<&str> = workloads::ALL.iter().map(|(name, _)| *name).collect();
    let names = names.join(" ");
    match shell {
        Shell::Bash => text + &BASH.replace("NAMES", &names),
        Shell::Fish => text + &FISH.replace("NAMES", &names),
        Shell::Zsh => zsh(&text, &names),
        _ => text,
    }
}

/// Around the function that clap makes: it knows options and subcommands.
const BASH: &str = r#"
_maitred_subjects() {
    _maitred "$@"
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    case "${COMP_WORDS[1]}" in
        compare|run|scale)
            if [[ ${cur} != -* && ${prev} != -* ]]; then
                COMPREPLY=( $(compgen -W "NAMES" -- "${cur}") $(compgen -f -- "${cur}") )
            fi
            ;;
    esac
}
complete -F _maitred_subjects -o bashdefault -o default maitred
"#;

/// Files are offered beside them by fish itself.
const FISH: &str = r#"
complete -c maitred -n "__fish_seen_subcommand_from compare run scale" -a "NAMES"
"#;

/// Where clap offers files for a subject, workloads are offered too.
fn zsh(text: &str, names: &str) -> String {
    let own = format!(
        "_maitred_subjects() {{\n    _alternative 'workloads:shipped workload:({names})' \
         'files:file:_files'\n}}\n\n"
    );
    let with_names = |line: &str| match line.contains("subject -- A shipped workload") {
        true => line.replace(":_files'", ":_maitred_subjects'"),
        false => line.to_owned(),
    };
    let lines: Vec<String> = text.lines().map(with_names).collect();
    // The first line names the command to the shell.
    let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    format!("{first}\n\n{own}{}\n", rest.join("\n"))
}

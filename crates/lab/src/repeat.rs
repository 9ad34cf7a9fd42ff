//! The commands that do in a terminal what a cell does here: a file of its source, and the line
//! that runs it.

use maitred_core::view::shell::quoted;

use crate::look;
use crate::notebook::Cell;
use crate::wish::Wish;

/// As it is typed.
pub(crate) fn command(cell: &Cell, servers: &str, wish: &Wish) -> String {
    let id = &cell.id;
    match cell.kind {
        crate::notebook::Kind::Claim => match look::named(&wish.source) {
            Some(names) => format!("maitred check {}", names.join(" ")),
            None => {
                with_file(&format!("{id}.kdl"), &wish.source, &format!("maitred check {id}.kdl"))
            }
        },
        crate::notebook::Kind::Python => {
            let function = look::function_of(cell, &wish.source).unwrap_or("work");
            let count =
                cell.directives.count.map_or_else(String::new, |count| format!(" --count {count}"));
            let line = format!("maitred compare {id}.py:{function}{count}{}", models(wish));
            with_file(&format!("{id}.py"), &wish.source, &line)
        }
        crate::notebook::Kind::Workload => {
            let set = |(name, value): &(String, String)| {
                format!(" --set {}", quoted(&format!("{name}={value}")))
            };
            let sets: String = wish.set.iter().map(set).collect();
            let speed =
                if wish.speed == 1.0 { String::new() } else { format!(" --speed {}x", wish.speed) };
            let line = format!("maitred compare {id}.kdl{}{sets}{speed}", models(wish));
            with_file(&format!("{id}.kdl"), &format!("{servers}{}", wish.source), &line)
        }
        crate::notebook::Kind::Server => "maitred serve --help".to_owned(),
    }
}

fn models(wish: &Wish) -> String {
    match wish.models.is_empty() {
        true => String::new(),
        false => format!(" --models {}", quoted(&wish.models.join(","))),
    }
}

/// A file by a here-document whose end does not occur in it.
fn with_file(name: &str, text: &str, line: &str) -> String {
    let mut end = "END".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('D');
    }
    let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    format!("cat > {} <<'{end}'\n{text}{end}\n{line}\n", quoted(name))
}

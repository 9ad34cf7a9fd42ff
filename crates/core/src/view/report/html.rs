//! Elements of a page: everything that comes from outside is escaped here.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::columns::Column;
use super::super::picture::{escaped, page_style};

/// The layout; colours are those of the pictures.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:0;background:var(--paper);color:var(--ink);\
font:16px/1.5 \"Noto Sans\",system-ui,sans-serif}\
main{max-width:832px;margin:0 auto;padding:24px 16px 64px}\
h1{font-size:28px;line-height:1.2;margin:0 0 8px;overflow-wrap:anywhere}h2{font-size:20px;margin:40px 0 8px}\
p{margin:8px 0}.dim{color:var(--dim);font-size:14px}li{margin:4px 0}\
figure{margin:16px 0}figure svg{display:block;max-width:100%;height:auto;\
border:1px solid var(--grid);border-radius:6px}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px;\
font-variant-numeric:tabular-nums}th,td{padding:4px 12px 4px 0;text-align:left;\
vertical-align:top;border-bottom:1px solid var(--grid)}th{color:var(--dim);font-weight:normal}\
td.n,th.n{text-align:right;white-space:nowrap}td.k{white-space:nowrap}\
code,pre{font-family:ui-monospace,\"DejaVu Sans Mono\",monospace;font-size:.9em;\
background:var(--lane);border-radius:4px}code{padding:1px 4px}\
pre{padding:12px;white-space:pre-wrap;overflow-wrap:anywhere}\
.answer{font-size:20px;line-height:1.4;font-weight:bold;margin:8px 0}\
.warning{border-left:4px solid #e69f00;padding-left:12px}\
summary{cursor:pointer;color:var(--link)}\
td:first-child,th,code{white-space:nowrap}td.dim+td code{white-space:normal}\
@media(max-width:640px){figure{overflow-x:auto}figure svg{min-width:640px}}\
tbody tr:hover td{background:var(--lane)}th[title]{cursor:help;\
text-decoration:underline dotted;text-underline-offset:3px}\
figure svg g:hover{filter:brightness(1.12)}";

/// A whole page around its body.
pub(super) fn page(title: &str, program_version: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n\
         <meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"generator\" content=\"maitred {}\"/>\n\
         <title>{}</title>\n<style>{}{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n",
        escaped(program_version),
        escaped(title),
        page_style()
    )
}

/// A part of somebody else's page.
pub(super) fn fragment(title: &str, body: &str) -> String {
    format!("<div>\n<h3>{}</h3>\n{body}</div>\n", prose(title))
}

/// What is read first, where there are no styles.
pub(super) fn strong(text: &str) -> String {
    format!("<p><strong>{}</strong></p>\n", prose(text))
}

/// A picture as an image that brings its content along (RFC 2397): inline drawings are taken out
/// of a notebook that is not trusted, images stay.
pub(super) fn image(svg: &str, alt: &str) -> String {
    let mut address = String::from("data:image/svg+xml,");
    for byte in svg.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'/'
            | b':'
            | b'='
            | b';'
            | b','
            | b'('
            | b')' => address.push(char::from(byte)),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("<img alt=\"{}\" src=\"{address}\"/>\n", escaped(alt))
}

/// A heading and what is below it; nothing where there is nothing.
pub(super) fn section(title: &str, body: &str) -> String {
    match body.is_empty() {
        true => String::new(),
        false => format!("<section>\n<h2>{}</h2>\n{body}</section>\n", escaped(title)),
    }
}

/// Text in which backticks set off names.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let part = |(place, part): (usize, &&str)| match place % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    };
    parts.iter().enumerate().map(part).collect()
}

pub(super) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", prose(text))
}

pub(super) fn dim(text: &str) -> String {
    format!("<p class=\"dim\">{}</p>\n", prose(text))
}

/// Sentences; nothing of none.
pub(super) fn list(sentences: &[String]) -> String {
    let items: String = sentences.iter().map(|one| format!("<li>{}</li>\n", prose(one))).collect();
    if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") }
}

/// A picture.
pub(super) fn figure(svg: &str) -> String {
    format!("<figure>\n{svg}</figure>\n")
}

/// What a person would say who is asked.
pub(super) fn answer(text: &str) -> String {
    format!("<p class=\"answer\">{}</p>\n", prose(text))
}

/// What makes an answer worth less.
pub(super) fn warning(text: &str) -> String {
    format!("<p class=\"warning\">{}</p>\n", prose(text))
}

/// What is typed.
pub(super) fn typed(text: &str) -> String {
    format!("<pre>{}</pre>\n", escaped(text))
}

/// What only some want to read.
pub(super) fn folded(title: &str, body: &str) -> String {
    match body.is_empty() {
        true => String::new(),
        false => format!("<details>\n<summary>{}</summary>\n{body}</details>\n", escaped(title)),
    }
}

/// A column of figures (`true`) or of words.
pub(super) fn column(title: &'static str, is_number: bool, cells: Vec<String>) -> Column {
    let cells = cells.into_iter().map(|cell| (cell, super::super::paint::Ink::Plain)).collect();
    Column { cells, ..Column::new(title, is_number, 0) }
}

/// A table with a row of headings; its first column names the rows.
pub(super) fn table(columns: &[Column]) -> String {
    let class = |column: &Column| if column.number { " class=\"n\"" } else { "" };
    let head = columns.iter().map(|one| {
        let meaning = meaning(one.title)
            .map_or_else(String::new, |meaning| format!(" title=\"{}\"", escaped(meaning)));
        format!("<th{}{meaning}>{}</th>", class(one), escaped(one.title))
    });
    let head = format!("<thead><tr>{}</tr></thead>\n", head.collect::<String>());
    let mut rows = String::new();
    for row in 0..columns.first().map_or(0, |column| column.cells.len()) {
        let cell = |one: &Column| {
            let text = one.cells.get(row).map_or("", |(text, _)| text.trim());
            format!("<td{}>{}</td>", class(one), escaped(text))
        };
        rows.push_str(&format!("<tr>{}</tr>\n", columns.iter().map(cell).collect::<String>()));
    }
    format!("<div class=\"wide\"><table>\n{head}<tbody>\n{rows}</tbody>\n</table></div>\n")
}

/// What a heading means, for who points at it; the glossary says more.
fn meaning(title: &str) -> Option<&'static str> {
    const MEANINGS: [(&str, &str); 17] = [
        ("work", "from the moment when all workers stand ready to the end of the last task"),
        ("95 % interval", "where the true median lies with 95 % confidence"),
        ("ratio", "time beside that of the fastest, or of the baseline, paired by round"),
        ("its 95 %", "where the true median of the ratios lies with 95 % confidence"),
        ("CPU", "processor time of the work"),
        ("cores", "processors in use, on average over the work"),
        ("memory", "the most that all processes took together (PSS)"),
        ("voluntary", "context switches because a thread had to wait"),
        ("involuntary", "context switches because the scheduler took the processor away"),
        ("start-up", "of the process and its workers"),
        ("running", "share of the steps' time on a processor"),
        ("runnable", "share of the steps' time in the run queue, without a processor"),
        ("blocked", "share of the steps' time waiting for something else than a processor"),
        ("GIL", "of computing steps, at most so much was waiting for the interpreter's lock"),
        ("avg threads", "average running threads over the work"),
        ("p50", "half of the values are no larger"),
        ("p99", "99 % of the values are no larger"),
    ];
    MEANINGS.iter().find(|(known, _)| *known == title).map(|(_, meaning)| *meaning)
}

/// A table of facts: what, and how much.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let row = |(what, fact): &(&str, String)| {
        format!("<tr><td class=\"k dim\">{}</td><td>{}</td></tr>\n", escaped(what), prose(fact))
    };
    let rows: String = facts.iter().map(row).collect();
    if rows.is_empty() {
        rows
    } else {
        format!("<div class=\"wide\"><table>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
    }
}

/// Where it was measured.
pub(super) fn machine(machine: &crate::result::Machine) -> String {
    use crate::analyse::units::{bytes, processors};
    let around = match &machine.virtualization {
        Some(what) => what.clone(),
        None => "none was seen".to_string(),
    };
    facts(&[
        ("processor", machine.cpu.clone()),
        ("usable", processors(machine.processors())),
        ("memory", bytes(machine.memory_bytes)),
        ("kernel", format!("Linux {}, {}", machine.kernel, machine.architecture)),
        ("virtualization", around),
    ])
}

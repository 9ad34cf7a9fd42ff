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
h1{font-size:28px;line-height:1.2;margin:0 0 8px}h2{font-size:20px;margin:40px 0 8px}\
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
summary{cursor:pointer;color:var(--link)}td{overflow-wrap:anywhere}";

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
    let head = columns.iter().map(|one| format!("<th{}>{}</th>", class(one), escaped(one.title)));
    let mut rows = format!("<tr>{}</tr>\n", head.collect::<String>());
    for row in 0..columns.first().map_or(0, |column| column.cells.len()) {
        let cell = |one: &Column| {
            let text = one.cells.get(row).map_or("", |(text, _)| text.trim());
            format!("<td{}>{}</td>", class(one), escaped(text))
        };
        rows.push_str(&format!("<tr>{}</tr>\n", columns.iter().map(cell).collect::<String>()));
    }
    format!("<div class=\"wide\"><table>\n{rows}</table></div>\n")
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
        format!("<div class=\"wide\"><table>\n{rows}</table></div>\n")
    }
}

/// Where it was measured.
pub(super) fn machine(machine: &crate::result::Machine) -> String {
    use crate::analyse::units::{bytes, plural};
    let around = match &machine.virtualization {
        Some(what) => what.clone(),
        None => "none was seen".to_string(),
    };
    facts(&[
        ("processor", machine.cpu.clone()),
        ("usable", plural(u64::from(machine.cores), "processor")),
        ("memory", bytes(machine.memory_bytes)),
        ("kernel", format!("Linux {}, {}", machine.kernel, machine.architecture)),
        ("virtualization", around),
    ])
}

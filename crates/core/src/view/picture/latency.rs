//! How long tasks or requests took, as a distribution: from the least to the longest, with the
//! middle half of what matters (p50 to p90, p90 to p99) set off. One row a model.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::requests;
use super::super::table::{Row, rows};
use super::super::timeline::tick_label;
use super::Look;
use super::bars::heading;
use super::curve::Frame;
use super::scale::Scale;
use super::svg::{Anchor, MARGIN, SIZE, Svg, WIDTH, cut, cut_inside, number, width};
use crate::analyse::units::duration;
use crate::result::{Comparison, Latency};

const BAR: f64 = 16.0;
const PITCH: f64 = 27.0;
const NAMES: f64 = 240.0;

/// The latency of tasks; `None`: no model's is known.
pub fn tasks(comparison: &Comparison, look: &Look) -> Option<String> {
    let rows = rows(comparison);
    let known = |row: &Row<'_>| row.summary.latency.known().copied();
    let from_arrival = rows.iter().filter_map(known).any(|latency| latency.from_arrival);
    let from = if from_arrival { "scheduled arrival" } else { "start" };
    let facts = format!("From its {from} to its end, medians of the rounds");
    draw(&heading(comparison, "Latency of a task"), &facts, &rows, &known, look)
}

/// The time of requests, from being sent to the last byte of the answer; `None`: there are none.
pub fn requests(comparison: &Comparison, look: &Look) -> Option<String> {
    let facts = "From being sent to the last byte of the answer, medians of the rounds";
    let known = |row: &Row<'_>| requests::typical(row.contestant);
    draw(&heading(comparison, "Time of a request"), facts, &rows(comparison), &known, look)
}

/// A model, and how long its tasks or requests took.
type NamedLatency = (String, Option<Latency>);

fn draw(
    title: &str,
    facts: &str,
    rows: &[Row<'_>],
    known: &dyn Fn(&Row<'_>) -> Option<Latency>,
    look: &Look,
) -> Option<String> {
    let all: Vec<NamedLatency> =
        rows.iter().map(|row| (row.contestant.name(), known(row))).collect();
    all.iter().find(|(_, latency)| latency.is_some())?;
    let shown = &all[..all.len().min(look.rows.max(1))];
    let mut svg = Svg::new(title, facts, look);
    let figures = shown.iter().filter_map(|(_, latency)| *latency);
    let figures: Vec<f64> =
        figures.flat_map(|one| [one.min_ns.max(1) as f64, one.max_ns.max(1) as f64]).collect();
    legend(&mut svg);
    let names = shown.iter().map(|(name, _)| width(name, SIZE)).fold(0.0, f64::max).min(NAMES);
    let left = libm::ceil(MARGIN + names + 12.0);
    let right = WIDTH - MARGIN - 176.0;
    let scale = Scale::fitting(&figures, left, right - left);
    let (top, height) = (svg.y + 10.0, shown.len() as f64 * PITCH);
    let frame = Frame { left, right, top, bottom: top + height };
    frame.columns(&mut svg, &scale, &|ns| tick_label(ns as u64, ns as u64));
    svg.y = top;
    for (name, latency) in shown {
        row(&mut svg, name, latency.as_ref(), &scale, (left, right));
    }
    svg.y += 20.0;
    if scale.is_log() {
        svg.paragraph("Each step of the axis is a multiple of the one before.", "m-t m-dim");
    }
    if all.len() > shown.len() {
        svg.paragraph(&format!("… and {} more models", all.len() - shown.len()), "m-t m-dim");
    }
    let words: Vec<String> = all.iter().map(|(name, one)| words(name, one.as_ref())).collect();
    Some(svg.finish(title, &format!("{}.", words.join("; "))))
}

fn legend(svg: &mut Svg<'_>) {
    let entries = [
        ("class=\"m-grid-fill\"".to_string(), "all, from the least to the longest".to_string()),
        ("class=\"m-most\"".to_string(), "p50 to p90".to_string()),
        ("class=\"m-tail\"".to_string(), "p90 to p99".to_string()),
    ];
    svg.legend(MARGIN, &entries);
}

fn row(
    svg: &mut Svg<'_>,
    name: &str,
    latency: Option<&Latency>,
    scale: &Scale,
    (left, right): (f64, f64),
) {
    let top = svg.y + 5.0;
    svg.begin_group(&words(name, latency));
    let label = cut_inside(name, SIZE, left - MARGIN - 10.0);
    svg.text(left - 8.0, top + 12.0, "m-t", Anchor::End, &label);
    let beside = match latency {
        None => "not known".to_string(),
        Some(one) => {
            let at = |ns: u64| scale.at(ns as f64);
            let [min, p50, p90, p99, max] =
                [one.min_ns, one.p50_ns, one.p90_ns, one.p99_ns, one.max_ns].map(at);
            let middle = top + BAR / 2.0;
            svg.rect(min, middle - 3.0, (max - min).max(1.0), 6.0, "class=\"m-grid-fill\"");
            svg.rect(p50, top, (p90 - p50).max(1.0), BAR, "class=\"m-most\"");
            svg.rect(p90, top, (p99 - p90).max(1.0), BAR, "class=\"m-tail\"");
            let d = format!("M{} {}v{}", number(p50), number(top - 2.0), number(BAR + 4.0));
            svg.path(&d, "class=\"m-whisker\"");
            format!("p50 {}, p99 {}", duration(one.p50_ns), duration(one.p99_ns))
        }
    };
    let beside = cut(&beside, SIZE, WIDTH - 6.0 - right - 10.0);
    svg.text(right + 10.0, top + 12.0, "m-t m-dim", Anchor::Start, &beside);
    svg.end_group();
    svg.y += PITCH;
}

fn words(name: &str, latency: Option<&Latency>) -> String {
    match latency {
        None => format!("{name}: not known"),
        Some(one) => format!(
            "{name}: least {}, p50 {}, p90 {}, p99 {}, longest {}",
            duration(one.min_ns),
            duration(one.p50_ns),
            duration(one.p90_ns),
            duration(one.p99_ns),
            duration(one.max_ns)
        ),
    }
}

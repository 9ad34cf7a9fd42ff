//! How long equal work took over time: a curve a model through its results in their order, each with
//! its interval. A line stands where the machine changed, and no curve crosses it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::history::{Point, models};
use super::super::timeline::tick_label;
use super::Look;
use super::curve::{Frame, mark};
use super::palette::SERIES;
use super::scale::Scale;
use super::svg::{Anchor, LINE, MARGIN, SIZE, Svg, WIDTH, cut, number, width};
use crate::analyse::units::{duration, plural};

const HEIGHT: f64 = 220.0;

/// Draws it.
pub fn history(points: &[Point], subject: &str, look: &Look) -> String {
    let title = format!("{subject}: over time");
    let facts = "Work time of each result, the first one left, with its 95 % interval";
    let mut svg = Svg::new(&title, facts, look);
    let all = models(points);
    let shown = &all[..all.len().min(SERIES)];
    legend(&mut svg, shown);
    let top = svg.y + 14.0;
    let frame =
        Frame { left: MARGIN + 66.0, right: WIDTH - MARGIN - 14.0, top, bottom: top + HEIGHT };
    let times = || points.iter().flat_map(|point| &point.times);
    let ends = times().filter(|time| shown.contains(&time.model.as_str())).flat_map(|time| {
        [time.low_ns.unwrap_or(time.ns) as f64, time.high_ns.unwrap_or(time.ns) as f64 * 1.05]
    });
    let y = Scale::fitting(&ends.collect::<Vec<_>>(), frame.bottom, -HEIGHT);
    frame.rows(&mut svg, &y, &|value| tick_label(value as u64, value as u64));
    let place = |index: usize| {
        let share = (index as f64 + 0.5) / points.len().max(1) as f64;
        frame.left + share * (frame.right - frame.left)
    };
    days(&mut svg, &frame, points, &place);
    machines(&mut svg, &frame, points, &place);
    for (number, model) in shown.iter().enumerate() {
        curve(&mut svg, number, model, points, &y, &place);
    }
    svg.y = frame.bottom + LINE + 10.0;
    if all.len() > shown.len() {
        let more = plural((all.len() - shown.len()) as u64, "more model");
        svg.paragraph(&format!("{more} without a curve: the table has them."), "m-t m-dim");
    }
    svg.finish(&title, &describe(points, shown))
}

fn legend(svg: &mut Svg<'_>, shown: &[&str]) {
    let mut x = MARGIN;
    svg.y += LINE + 4.0;
    for (series, model) in shown.iter().enumerate() {
        let words = cut(model, SIZE, WIDTH - 2.0 * MARGIN - 40.0);
        let room = 26.0 + width(&words, SIZE) + 18.0;
        if x > MARGIN && x + room - 18.0 > WIDTH - MARGIN {
            (x, svg.y) = (MARGIN, svg.y + LINE + 2.0);
        }
        svg.line((x, svg.y - 8.0), (x + 20.0, svg.y - 8.0), &format!("m-curve m-s{series}"));
        mark(svg, series, x + 10.0, svg.y - 8.0);
        svg.text(x + 26.0, svg.y - 4.0, "m-t", Anchor::Start, &words);
        x += room;
    }
}

/// The day of each result, where there is room and it is another than that of the one before.
fn days(svg: &mut Svg<'_>, frame: &Frame, points: &[Point], place: &dyn Fn(usize) -> f64) {
    svg.line((frame.left, frame.bottom), (frame.right, frame.bottom), "m-line m-axis");
    let (mut free, mut last) = (f64::NEG_INFINITY, "");
    for (index, point) in points.iter().enumerate() {
        let day = point.when.get(..10).unwrap_or(&point.when);
        let (x, half) = (place(index), width(day, SIZE) / 2.0);
        if day != last && x - half > free {
            let middle = x.min(WIDTH - 4.0 - half);
            svg.text(middle, frame.bottom + LINE, "m-t m-dim", Anchor::Middle, day);
            (free, last) = (x + half + 6.0, day);
        }
    }
}

/// A line between two results of different machines, and which the later one is.
fn machines(svg: &mut Svg<'_>, frame: &Frame, points: &[Point], place: &dyn Fn(usize) -> f64) {
    for (index, pair) in points.windows(2).enumerate() {
        if pair[0].machine != pair[1].machine {
            let x = (place(index) + place(index + 1)) / 2.0;
            svg.line((x, frame.top - 8.0), (x, frame.bottom), "m-dot m-axis");
            let words = cut(&pair[1].place, SIZE, (frame.right - x - 6.0).max(40.0));
            svg.text(x + 5.0, frame.top, "m-t m-dim", Anchor::Start, &words);
        }
    }
}

fn curve(
    svg: &mut Svg<'_>,
    series: usize,
    model: &str,
    points: &[Point],
    y: &Scale,
    place: &dyn Fn(usize) -> f64,
) {
    let (mut path, mut machine) = (String::new(), "");
    for (index, point) in points.iter().enumerate() {
        let Some(time) = point.times.iter().find(|time| time.model == model) else { continue };
        let (x, at) = (place(index), y.at(time.ns as f64));
        if let (Some(low), Some(high)) = (time.low_ns, time.high_ns) {
            let ends = ((x, y.at(low as f64)), (x, y.at(high as f64)));
            svg.line(ends.0, ends.1, &format!("m-curve m-s{series}"));
        }
        let joined = !path.is_empty() && machine == point.machine;
        path.push_str(&format!("{}{} {}", if joined { 'L' } else { 'M' }, number(x), number(at)));
        machine = &point.machine;
        mark(svg, series, x, at);
    }
    svg.path(&path, &format!("class=\"m-curve m-s{series}\""));
}

fn describe(points: &[Point], shown: &[&str]) -> String {
    let said = shown.iter().filter_map(|model| {
        let mut times = points.iter().flat_map(|point| &point.times);
        let first = times.clone().find(|time| time.model == *model)?;
        let last = times.rfind(|time| time.model == *model)?;
        Some(format!("{model}: first {}, last {}. ", duration(first.ns), duration(last.ns)))
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::history::tests::points;
    use super::*;

    #[test]
    fn every_result_has_a_mark_and_no_curve_crosses_a_change_of_the_machine() {
        let drawn = history(&points(6), "waiters", &Look::default());
        let document = roxmltree::Document::parse(&drawn).unwrap();
        let paths = || document.descendants().filter_map(|node| node.attribute("d"));
        // Of two models, and of each a sample in the legend.
        assert_eq!(paths().filter(|d| d.contains("0a5 5") || d.contains("h10v10")).count(), 14);
        let curves: Vec<&str> = paths().filter(|d| d.matches('L').count() > 1).collect();
        assert_eq!(curves.len(), 2);
        assert!(curves.iter().all(|d| d.matches('M').count() == 2), "{curves:?}");
        assert!(drawn.contains("New, 8 cores"));
        let alone = history(&points(1), "waiters", &Look::default());
        assert!(!alone.contains("New, 8 cores") && roxmltree::Document::parse(&alone).is_ok());
        history(&[], "waiters", &Look::default());
    }
}

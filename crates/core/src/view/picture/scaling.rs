//! How a model does with more workers, or under other values of what was swept: a curve a model,
//! each point with its interval. Beside workers stand what more of them could give at best, and
//! Amdahl's law where it fits.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::timeline::tick_label;
use super::Look;
use super::bars::heading;
use super::curve::{Frame, mark};
use super::palette::SERIES;
use super::scale::Scale;
use super::svg::{Anchor, LINE, MARGIN, SIZE, Svg, WIDTH, cut, number, width};
use crate::analyse::advice::law;
use crate::analyse::scaling::{self, Curve, Speed};
use crate::analyse::sweep;
use crate::analyse::units::{duration, percent, ratio, significant};
use crate::result::{Comparison, Contestant, Fit, Fitted, LawName, Summary};
use crate::trace::StepKind;

const HEIGHT: f64 = 300.0;

/// One model under one value.
#[derive(Clone, Debug)]
struct Point {
    x: f64,
    label: String,
    y: f64,
    low: f64,
    high: f64,
}

/// One model under all of them.
#[derive(Clone, Debug)]
struct Series {
    name: String,
    points: Vec<Point>,
    /// The law, and the rate that is measured as 1. Beyond the most workers that it was fitted to, it
    /// says nothing.
    law: Option<(Fitted, f64)>,
}

impl Fitted {
    /// Throughput with so many workers, as it says.
    fn at(&self, workers: f64) -> f64 {
        let (one, contention) = (self.one.value, self.contention.value);
        Curve { one, contention, coherency: self.coherency.value }.at(workers)
    }
}

/// Speed-up over the fewest workers; `None`: no model was measured with several numbers of them.
pub fn workers(comparison: &Comparison, look: &Look) -> Option<String> {
    let groups = sweep::groups(comparison, sweep::ranked(comparison));
    let named =
        groups.iter().map(|(model, members)| speedup(comparison, model.to_string(), members));
    let series: Vec<Series> = named.collect();
    if series.is_empty() {
        return None;
    }
    let title = heading(comparison, "More workers");
    let facts = "Work time with the fewest workers ÷ work time, with 95 % intervals of the medians";
    let plot = Plot { title: &title, facts, x: "workers", is_speedup: true, is_joined: true };
    Some(plot.draw(&series, look))
}

/// Figures that the user has, and the law behind them; `None`: there are none.
pub fn figures(found: &Fit, title: &str, look: &Look) -> Option<String> {
    let first = found.points.first().map(|point| point.rate).filter(|rate| *rate > 0.0)?;
    let point = |point: &crate::result::Measured| {
        let y = point.rate / first;
        let (x, label) = (f64::from(point.workers), point.workers.to_string());
        Point { x, label, y, low: y, high: y }
    };
    let points = found.points.iter().map(point).collect();
    let series = Series { name: "measured".into(), points, law: law_of(found) };
    let facts = "Throughput ÷ throughput with the fewest workers";
    let plot = Plot { title, facts, x: "workers", is_speedup: true, is_joined: true };
    Some(plot.draw(&[series], look))
}

fn speedup(comparison: &Comparison, name: String, members: &[usize]) -> Series {
    let of = |index: usize| {
        let one = &comparison.contestants[index];
        Some((one.workers, one.summary.as_ref()?))
    };
    let members_of: Vec<(u32, &Summary)> = members.iter().filter_map(|&index| of(index)).collect();
    let first = members_of.first().map_or(1, |(_, summary)| summary.work_ns.max(1)) as f64;
    let times = |ns: u64| first / ns.max(1) as f64;
    let point = |(workers, summary): &(u32, &Summary)| Point {
        x: f64::from(*workers),
        label: workers.to_string(),
        y: times(summary.work_ns),
        low: times(summary.work_high_ns),
        high: times(summary.work_low_ns),
    };
    let points = members_of.iter().map(point).collect();
    let saved = comparison.scaling.iter().flatten();
    let saved = saved.into_iter().find(|sweep| sweep.model.to_string() == name);
    let law = match saved {
        Some(sweep) => law_of(&sweep.fit),
        None => law_of(&fit(comparison, members)),
    };
    Series { name, points, law }
}

/// What is drawn of it.
fn law_of(found: &Fit) -> Option<(Fitted, f64)> {
    Some((found.law.clone()?, found.points.first()?.rate))
}

/// What the rounds follow; beyond the processors computing cannot gain, whatever it says.
fn fit(comparison: &Comparison, members: &[usize]) -> Fit {
    let reach =
        if computes(comparison) { comparison.machine.processors().whole() } else { u32::MAX };
    let mut speeds: Vec<Speed> = sweep::any_speeds(comparison, members);
    speeds.retain(|speed| speed.workers <= reach);
    law::fit(&speeds, &scaling::fit(&speeds), comparison.settings.minimum_effect, "")
}

/// Whether most of the time that steps need, without queueing, is computing, as far as the runs
/// tell.
fn computes(comparison: &Comparison) -> bool {
    use StepKind as K;
    let steps = comparison.contestants.iter().filter_map(|one| one.runs.first());
    let own = |kind| !matches!(kind, K::Hold | K::Acquire | K::Send | K::Receive);
    let (mut all, mut computing) = (0_u64, 0_u64);
    for total in steps.flat_map(|run| &run.steps).filter(|total| own(total.kind)) {
        all = all.saturating_add(total.total_ns);
        if total.kind == StepKind::Cpu {
            computing = computing.saturating_add(total.total_ns);
        }
    }
    computing > all / 2
}

/// A contestant and what was set for it.
type Swept<'a> = (&'a Contestant, &'a Summary, Vec<(&'a str, &'a str)>);

/// Work time over the values of what was swept; `None`: nothing was.
pub fn settings(comparison: &Comparison, look: &Look) -> Option<String> {
    let swept: Vec<Swept<'_>> = measured(comparison)
        .filter_map(|(one, summary)| Some((one, summary, pairs(one.model.setting.as_deref()?))))
        .collect();
    let name = several(&swept.iter().map(|(_, _, pairs)| &pairs[..]).collect::<Vec<_>>())?;
    let mut series: Vec<(String, Vec<(&str, &Summary)>)> = Vec::new();
    for (contestant, summary, pairs) in &swept {
        let Some((_, value)) = pairs.iter().find(|(other, _)| *other == name) else { continue };
        let rest: Vec<String> = pairs
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let setting = (!rest.is_empty()).then(|| rest.join(" "));
        let model = maitred_wire::Model { setting, ..contestant.model.clone() };
        put(&mut series, model.to_string(), (*value, *summary));
    }
    let mut values: Vec<&str> =
        series.iter().flat_map(|(_, all)| all.iter().map(|one| one.0)).collect();
    let numbers: Option<Vec<f64>> = values.iter().map(|value| figure(value)).collect();
    let mut seen = Vec::new();
    values.retain(|value| {
        !seen.contains(value) && {
            seen.push(*value);
            true
        }
    });
    let is_number = numbers.is_some();
    let place = |value: &str| match &numbers {
        Some(_) => figure(value).unwrap_or(0.0),
        None => values.iter().position(|one| *one == value).unwrap_or(0) as f64 + 1.0,
    };
    let series = series.into_iter().map(|(name, members)| {
        let point = |(value, summary): &(&str, &Summary)| Point {
            x: place(value),
            label: (*value).to_string(),
            y: summary.work_ns as f64,
            low: summary.work_low_ns as f64,
            high: summary.work_high_ns as f64,
        };
        let mut points: Vec<Point> = members.iter().map(point).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        Series { name, points, law: None }
    });
    let title = heading(comparison, &format!("Over {name}"));
    let facts = "Work time, median of the rounds, with its 95 % interval";
    let plot = Plot { title: &title, facts, x: name, is_speedup: false, is_joined: is_number };
    Some(plot.draw(&series.collect::<Vec<_>>(), look))
}

/// Those whose figures mean something.
fn measured(comparison: &Comparison) -> impl Iterator<Item = (&Contestant, &Summary)> {
    let all = comparison.contestants.iter().filter(|one| one.unranked.is_none());
    all.filter_map(|one| Some((one, one.summary.as_ref()?)))
}

fn put<T>(series: &mut Vec<(String, Vec<T>)>, name: String, member: T) {
    match series.iter_mut().find(|(known, _)| *known == name) {
        Some((_, members)) => members.push(member),
        None => series.push((name, Vec::from([member]))),
    }
}

/// `a=1 b=2` as pairs.
fn pairs(setting: &str) -> Vec<(&str, &str)> {
    setting.split(' ').filter_map(|pair| pair.split_once('=')).collect()
}

/// The name that has several values; of several such names the one with the most.
fn several<'a>(all: &[&[(&'a str, &'a str)]]) -> Option<&'a str> {
    let mut names: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, value) in all.iter().flat_map(|pairs| pairs.iter().copied()) {
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => names.push((name, Vec::from([value]))),
        }
    }
    let most = names.iter().filter(|(_, values)| values.len() > 1);
    most.max_by_key(|(_, values)| values.len()).map(|(name, _)| *name)
}

/// A number, or a time in nanoseconds, or a size in bytes; `None`: it is a word.
fn figure(value: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 9] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("min", 6e10),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
    ];
    let plain = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    plain(value).or_else(|| {
        UNITS.iter().find_map(|(unit, size)| Some(plain(value.strip_suffix(unit)?)? * size))
    })
}

/// What is around the curves.
struct Plot<'a> {
    title: &'a str,
    facts: &'a str,
    x: &'a str,
    is_speedup: bool,
    /// Whether there is something between two points; of names there is nothing.
    is_joined: bool,
}

impl Plot<'_> {
    fn draw(&self, all: &[Series], look: &Look) -> String {
        let mut svg = Svg::new(self.title, self.facts, look);
        let shown = &all[..all.len().min(SERIES)];
        self.legend(&mut svg, shown);
        let top = svg.y + 14.0;
        let frame =
            Frame { left: MARGIN + 66.0, right: WIDTH - MARGIN - 14.0, top, bottom: top + HEIGHT };
        let points = || shown.iter().flat_map(|series| &series.points);
        let ys: Vec<f64> =
            points().flat_map(|point| [point.low, point.y, point.high * 1.05]).collect();
        // Upwards: the axis begins at the bottom.
        let y = Scale::fitting(&ys, frame.bottom, -HEIGHT);
        let xs: Vec<f64> = points().map(|point| point.x).collect();
        let x = Scale::fitting(&xs, frame.left, frame.right - frame.left);
        frame.rows(&mut svg, &y, &|value| self.figure(value));
        self.columns(&mut svg, &frame, &x, shown);
        if self.is_speedup {
            self.ideal(&mut svg, &x, &y, shown);
        }
        for (number, series) in shown.iter().enumerate() {
            self.curve(&mut svg, number, series, &x, &y);
        }
        svg.y = frame.bottom + LINE + 4.0;
        svg.y += LINE;
        let middle = (frame.left + frame.right) / 2.0;
        svg.text(middle, svg.y - 3.0, "m-t m-b", Anchor::Middle, &cut(self.x, SIZE, 400.0));
        for note in self.notes(all, x.is_log() || y.is_log()) {
            svg.paragraph(&note, "m-t m-dim");
        }
        svg.finish(self.title, &self.describe(all))
    }

    fn figure(&self, value: f64) -> String {
        match self.is_speedup {
            true => format!("{}×", shortest(value)),
            false => tick_label(value as u64, value as u64),
        }
    }

    fn legend(&self, svg: &mut Svg<'_>, shown: &[Series]) {
        let mut x = MARGIN;
        svg.y += LINE + 4.0;
        for (number, series) in shown.iter().enumerate() {
            let words = cut(&series.name, SIZE, WIDTH - 2.0 * MARGIN - 40.0);
            let room = 26.0 + width(&words, SIZE) + 18.0;
            if x > MARGIN && x + room - 18.0 > WIDTH - MARGIN {
                (x, svg.y) = (MARGIN, svg.y + LINE + 2.0);
            }
            svg.line((x, svg.y - 8.0), (x + 20.0, svg.y - 8.0), &format!("m-curve m-s{number}"));
            mark(svg, number, x + 10.0, svg.y - 8.0);
            svg.text(x + 26.0, svg.y - 4.0, "m-t", Anchor::Start, &words);
            x += room;
        }
        if self.is_speedup {
            let words = "ideal: twice the workers, twice as fast";
            if x > MARGIN && x + 26.0 + width(words, SIZE) > WIDTH - MARGIN {
                (x, svg.y) = (MARGIN, svg.y + LINE + 2.0);
            }
            svg.line((x, svg.y - 8.0), (x + 20.0, svg.y - 8.0), "m-dot m-axis");
            svg.text(x + 26.0, svg.y - 4.0, "m-t m-dim", Anchor::Start, words);
        }
    }

    /// A line and a label at each value that was measured, where there is room.
    fn columns(&self, svg: &mut Svg<'_>, frame: &Frame, scale: &Scale, shown: &[Series]) {
        let mut points: Vec<&Point> = shown.iter().flat_map(|series| &series.points).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        points.dedup_by(|one, other| one.x == other.x);
        let mut free = f64::NEG_INFINITY;
        for point in points {
            let x = scale.at(point.x);
            svg.line((x, frame.top), (x, frame.bottom), "m-line m-grid");
            let text = cut(&point.label, SIZE, 120.0);
            let half = width(&text, SIZE) / 2.0;
            let middle = x.min(WIDTH - 4.0 - half);
            if middle - half >= free {
                let y = frame.bottom + LINE;
                svg.text(middle, y, "m-t m-dim", Anchor::Middle, &text);
                free = middle + half + 6.0;
            }
        }
        let (left, bottom) = (frame.left, frame.bottom);
        svg.line((left, bottom), (frame.right, bottom), "m-line m-axis");
    }

    /// As many times as fast as there are more workers, as far as the axes reach.
    fn ideal(&self, svg: &mut Svg<'_>, x: &Scale, y: &Scale, shown: &[Series]) {
        let fewest = shown.iter().filter_map(|one| one.points.first()).map(|point| point.x);
        let fewest = fewest.fold(f64::INFINITY, f64::min);
        let samples = (0..=64).map(|step| {
            x.from().max(fewest) + (x.to() - x.from().max(fewest)) * f64::from(step) / 64.0
        });
        let within =
            samples.map(|value| (value, value / fewest)).filter(|(_, ideal)| *ideal <= y.to());
        let places: Vec<(f64, f64)> = within.map(|(a, b)| (x.at(a), y.at(b))).collect();
        svg.path(&polyline(&places), "class=\"m-dot m-axis\"");
    }

    fn notes(&self, all: &[Series], is_log: bool) -> Vec<String> {
        let mut notes = Vec::new();
        for series in all.iter().take(SERIES) {
            if let Some((law, _)) = &series.law {
                let serial = law.contention.value;
                let (name, most) = match law.name {
                    LawName::Universal => (
                        "the Universal Scalability Law",
                        format!("crosstalk {}", law::fine(law.coherency.value)),
                    ),
                    LawName::Amdahl if serial < 0.005 => {
                        ("Amdahl's law", "no limit can be seen".to_string())
                    }
                    LawName::Amdahl => ("Amdahl's law", format!("at most {}", ratio(1.0 / serial))),
                };
                let beyond = match series.points.last() {
                    Some(last) if last.x > f64::from(law.most) => {
                        format!(", fitted up to {} workers", law.most)
                    }
                    _ => String::new(),
                };
                notes.push(format!(
                    "Dashed: {name} for {}{beyond}, with {} serial (residual {}): {most}.",
                    series.name,
                    percent(serial),
                    percent(law.residual)
                ));
            }
        }
        if is_log {
            notes.push("An axis on which equal steps multiply does not begin at nothing.".into());
        }
        if all.len() > SERIES {
            let left_out: Vec<&str> = all[SERIES..].iter().map(|one| one.name.as_str()).collect();
            notes.push(format!("Not drawn, for want of room: {}.", left_out.join(", ")));
        }
        notes
    }

    fn describe(&self, all: &[Series]) -> String {
        let figure = |value: f64| match self.is_speedup {
            true => ratio(value),
            false => duration(value as u64),
        };
        let each = all.iter().map(|series| {
            let points = series.points.iter();
            let points = points.map(|point| format!("{} at {}", figure(point.y), point.label));
            format!("{}: {}", series.name, points.collect::<Vec<_>>().join(", "))
        });
        format!("By {}. {}.", self.x, each.collect::<Vec<_>>().join("; "))
    }

    fn curve(&self, svg: &mut Svg<'_>, order: usize, series: &Series, x: &Scale, y: &Scale) {
        svg.begin_group(&series.name);
        if let (Some((law, one)), Some(first)) = (&series.law, series.points.first()) {
            let at = |step: i32| first.x + (f64::from(law.most) - first.x) * f64::from(step) / 48.0;
            let times = |workers: f64| law.at(workers) / one;
            let places = (0..=48).map(|step| (at(step), times(at(step))));
            let places = places.filter(|(_, times)| *times <= y.to());
            let places = places.map(|(workers, times)| (x.at(workers), y.at(times)));
            let class = format!("class=\"m-dash m-s{order}\"");
            svg.path(&polyline(&places.collect::<Vec<_>>()), &class);
        }
        let places: Vec<(f64, f64)> =
            series.points.iter().map(|point| (x.at(point.x), y.at(point.y))).collect();
        if self.is_joined {
            svg.path(&polyline(&places), &format!("class=\"m-curve m-s{order}\""));
        }
        for point in &series.points {
            let at = x.at(point.x);
            if point.low < point.high {
                let (low, high) = (number(y.at(point.low)), number(y.at(point.high)));
                let left = number(at - 4.0);
                let d = format!("M{left} {low}h8M{left} {high}h8M{} {low}V{high}", number(at));
                svg.path(&d, &format!("class=\"m-curve m-s{order}\""));
            }
            svg.begin_group(&format!(
                "{}: {} at {}",
                series.name,
                self.figure(point.y),
                point.label
            ));
            mark(svg, order, at, y.at(point.y));
            svg.end_group();
        }
        svg.end_group();
    }
}

fn polyline(places: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (index, (x, y)) in places.iter().enumerate() {
        d.push_str(if index == 0 { "M" } else { "L" });
        d.push_str(&format!("{} {}", number(*x), number(*y)));
    }
    if d.is_empty() { "M0 0".into() } else { d }
}

/// `2`, `2.5`, `0.25`.
fn shortest(value: f64) -> String {
    let text = significant(value);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

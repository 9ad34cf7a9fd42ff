//! A comparison as bars: how long the work took under each model, with the interval in which the
//! median lies, and what that says beside the fastest. Who is not ranked is named with the reason.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::super::table::{Row, interval, rows, word};
use super::Look;
use super::palette::{self, Tone};
use super::scale::Scale;
use super::svg::{Anchor, LINE, MARGIN, SIZE, Svg, WIDTH, broken, cut, cut_inside, number, width};
use crate::analyse::units::{duration, plural, processors, ratio};
use crate::result::{Comparison, Verdict};

/// Height of a bar, and of one with its gap.
const BAR: f64 = 18.0;
const PITCH: f64 = 27.0;
/// The most that names may take.
const NAMES: f64 = 240.0;
/// The most that a ratio, its interval and the verdict may take.
const VERDICTS: f64 = 220.0;

/// Draws the ranking.
pub fn bars(comparison: &Comparison, look: &Look) -> String {
    let rows = rows(comparison);
    let title = heading(comparison, "How fast");
    let facts = facts(comparison, &rows);
    let mut svg = Svg::new(&title, &facts, look);
    if !rows.is_empty() {
        let shown = &rows[..rows.len().min(look.rows.max(1))];
        legend(&mut svg, shown);
        draw(&mut svg, shown, &rows);
        if rows.len() > shown.len() {
            let more = format!("… and {} more, all slower than these", rows.len() - shown.len());
            svg.paragraph(&more, "m-t m-dim");
        }
    }
    unranked(&mut svg, comparison);
    svg.finish(&title, &describe(&rows, comparison))
}

/// What a picture of a comparison is headed with.
pub(super) fn heading(comparison: &Comparison, what: &str) -> String {
    let subject = &comparison.subject;
    format!("{what}: {}", subject.title.as_ref().unwrap_or(&subject.name))
}

fn facts(comparison: &Comparison, rows: &[Row<'_>]) -> String {
    let machine = &comparison.machine;
    let place = format!("{}, {}", machine.cpu, processors(machine.processors()));
    match rows.iter().map(|row| row.summary.rounds).max() {
        None => format!("Nothing was measured · {place}"),
        Some(rounds) => format!(
            "Work, median of {}, with its 95 % interval · {place}",
            plural(u64::from(rounds), "round")
        ),
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Reference | Verdict::Same | Verdict::Faster => Tone::Good,
        Verdict::Slower => Tone::Other,
        Verdict::Inconclusive => Tone::Open,
    }
}

/// What the looks of the bars mean: those that are there.
fn legend(svg: &mut Svg<'_>, shown: &[Row<'_>]) {
    let meanings = [
        (Tone::Good, "the fastest, and as fast"),
        (Tone::Other, "slower"),
        (Tone::Open, "inconclusive"),
    ];
    let is_there = |one: Tone| shown.iter().any(|row| tone(row.rank.verdict) == one);
    let meanings = meanings.into_iter().filter(|(one, _)| is_there(*one));
    let entries: Vec<(String, String)> = meanings
        .map(|(one, words)| (palette::tone(one, &svg.look.id), words.to_string()))
        .collect();
    svg.legend(MARGIN, &entries);
}

/// The words right of a bar.
fn verdict(row: &Row<'_>, rows: &[Row<'_>]) -> String {
    let (word, interval) = (word(row, rows), interval(row));
    match row.rank.verdict {
        Verdict::Reference => word.to_string(),
        _ if interval.is_empty() => format!("{} · {word}", ratio(row.rank.ratio)),
        _ => format!("{} ({interval}) · {word}", ratio(row.rank.ratio)),
    }
}

fn draw(svg: &mut Svg<'_>, shown: &[Row<'_>], rows: &[Row<'_>]) {
    let widest = |texts: &mut dyn Iterator<Item = String>| {
        texts.map(|text| width(&text, SIZE)).fold(0.0, f64::max)
    };
    let names = widest(&mut shown.iter().map(|row| row.contestant.name())).min(NAMES);
    let times = widest(&mut shown.iter().map(|row| duration(row.summary.work_ns)));
    let verdicts = widest(&mut shown.iter().map(|row| verdict(row, rows))).min(VERDICTS);
    let left = libm::ceil(MARGIN + names + 12.0);
    let right = libm::floor(WIDTH - MARGIN - times - verdicts - 34.0);
    let most = shown.iter().map(|row| row.summary.work_high_ns.max(row.summary.work_ns)).max();
    let scale = Scale::from_zero(most.unwrap_or(1) as f64, left, right - left);
    svg.y += 10.0;
    let top = svg.y;
    svg.line((left, top), (left, top + shown.len() as f64 * PITCH), "m-line m-axis");
    for row in shown {
        bar(svg, row, &scale, (left, right + times + 12.0));
        let text = cut(&verdict(row, rows), SIZE, VERDICTS);
        svg.text(right + times + 26.0, svg.y - 10.0, "m-t m-dim", Anchor::Start, &text);
        svg.end_group();
    }
}

/// Name, bar, interval and time of a model; `right`: where the time ends.
fn bar(svg: &mut Svg<'_>, row: &Row<'_>, scale: &Scale, (left, right): (f64, f64)) {
    let summary = row.summary;
    let model = row.contestant.name();
    let (low, high) = (summary.work_low_ns, summary.work_high_ns);
    let span = format!("{} to {}", duration(low), duration(high));
    svg.begin_group(&format!("{model}: {}, interval {span}", duration(summary.work_ns)));
    let top = svg.y + 4.0;
    let name = cut_inside(&model, SIZE, left - MARGIN - 10.0);
    svg.text(left - 8.0, top + 13.0, "m-t", Anchor::End, &name);
    let end = scale.at(summary.work_ns as f64);
    let paint = palette::tone(tone(row.rank.verdict), &svg.look.id);
    svg.rect(left, top, (end - left).max(1.5), BAR, &paint);
    if low < high {
        let (low, high) = (scale.at(low as f64), scale.at(high as f64));
        let (middle, half) = (top + BAR / 2.0, 4.0);
        let d = format!(
            "M{low} {up}v8M{low} {middle}H{high}M{high} {up}v8",
            low = number(low),
            high = number(high),
            up = number(middle - half),
            middle = number(middle)
        );
        svg.path(&d, "class=\"m-whisker\"");
    }
    svg.text(right, top + 13.0, "m-t m-b", Anchor::End, &duration(summary.work_ns));
    svg.y += PITCH;
}

fn unranked(svg: &mut Svg<'_>, comparison: &Comparison) {
    let out = comparison.contestants.iter().filter_map(|one| Some((one, one.unranked.as_ref()?)));
    let mut out: Vec<_> = out.collect();
    if out.is_empty() {
        return;
    }
    svg.y += 8.0 + LINE;
    svg.text(MARGIN, svg.y - 4.0, "m-t m-b", Anchor::Start, "Not ranked");
    let most = svg.look.rows.max(1);
    let more = out.len().saturating_sub(most);
    out.truncate(most);
    for (contestant, why) in out {
        let d = format!("M{} {}m-4 -4l8 8m0 -8l-8 8", number(MARGIN + 5.0), number(svg.y + 8.0));
        svg.path(&d, "class=\"m-cross\"");
        let text = format!("{}: {why}", contestant.name());
        for line in broken(&text, SIZE, WIDTH - 2.0 * MARGIN - 18.0) {
            svg.y += LINE;
            svg.text(MARGIN + 18.0, svg.y - 4.0, "m-t m-dim", Anchor::Start, &line);
        }
    }
    if more > 0 {
        svg.paragraph(&format!("… and {more} more that are not ranked"), "m-t m-dim");
    }
}

/// The picture in words.
fn describe(rows: &[Row<'_>], comparison: &Comparison) -> String {
    let each = rows.iter().map(|row| {
        let time = duration(row.summary.work_ns);
        format!("{} took {time} ({})", row.contestant.name(), verdict(row, rows))
    });
    let out = comparison.contestants.iter().filter(|one| one.unranked.is_some());
    let out = out.map(|one| format!("{} is not ranked", one.name()));
    let all: Vec<String> = each.chain(out).collect();
    if all.is_empty() { "Nothing was measured.".into() } else { format!("{}.", all.join("; ")) }
}

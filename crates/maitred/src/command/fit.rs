//! `maitred fit`: the law of scaling behind figures that the user already has.

use std::fs;
use std::path::Path;

use maitred_core::analyse::advice::law;
use maitred_core::analyse::scaling::{self, Speed};
use maitred_core::view::fit;

use crate::cli::FitArgs;
use crate::drawing;
use crate::error::{Error, exit};
use crate::export::{self, Page};
use crate::png;
use crate::terminal::Terminal;

/// Smallest difference that is worth a word, as in `compare`.
const EFFECT: f64 = 0.03;
/// Larger files hold something else.
const SIZE_MAX: u64 = 64 << 20;

/// Reads the figures, says what follows from them and draws it; the number is the exit code.
///
/// # Errors
/// [`Error::usage`] with the line when the file cannot be read as numbers of workers and figures,
/// or a picture cannot be written.
pub(crate) fn run(args: &FitArgs, terminal: &Terminal) -> Result<u8, Error> {
    let wrong = |why: String| Error::usage(format!("{}: {why}", args.file.display()));
    let size = fs::metadata(&args.file).map_err(|error| unreadable(&args.file, &error))?.len();
    if size > SIZE_MAX {
        return Err(wrong("this is too large for a table of workers and figures".into()));
    }
    let text = fs::read_to_string(&args.file).map_err(|error| unreadable(&args.file, &error))?;
    let speeds = speeds(&text, args.time).map_err(wrong)?;
    drawing::check(&args.drawing)?;
    let pages = [&args.drawing.export_svg, &args.drawing.export_png];
    let [svg, png] = pages.map(|path| {
        path.as_deref().map(|path| export::page(path, &args.file).map(|page| (path, page)))
    });
    let (svg, png) = (svg.transpose()?, png.transpose()?);
    let found = law::fit(&speeds, &scaling::fit(&speeds), EFFECT, "these figures");
    let text = match args.json {
        true => {
            let json = serde_json::to_string_pretty(&found)
                .map_err(|error| Error::usage(format!("the figures cannot be written: {error}")))?;
            json + "\n"
        }
        false => fit::fit(&found, &terminal.options()),
    };
    terminal.print(&text)?;
    let title = format!("More workers: {}", args.file.display());
    let theme = drawing::theme(&args.drawing);
    let draw = |page: Option<(&Path, Page)>, picture: &dyn Fn() -> Result<Vec<u8>, String>| {
        let Some((path, mut page)) = page else { return true };
        let put = |bytes: Vec<u8>| page.put(&bytes).map_err(|error| error.to_string());
        let written = picture().and_then(put);
        written
            .inspect_err(|why| {
                terminal.complain(&format!("{} cannot be written: {why}", path.display()));
            })
            .is_ok()
    };
    let drawn = |theme| drawing::figures(&found, &title, theme).map_err(str::to_owned);
    let vector = draw(svg, &|| drawn(theme).map(String::into_bytes));
    let pixels = draw(png, &|| drawn(drawing::fixed(theme)).and_then(|text| png::png(&text)));
    Ok(if vector && pixels { exit::OK } else { exit::NOT_WRITTEN })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::usage(format!("{} cannot be read: {error}", path.display()))
}

/// Workers and figures, line by line; workers that stand twice are rounds. The first line may name
/// the columns. With `time`, or where the second column is called so, figures are times.
fn speeds(text: &str, time: bool) -> Result<Vec<Speed>, String> {
    let mut speeds: Vec<Speed> = Vec::new();
    let mut is_time = time;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    for (place, (number, line)) in lines.enumerate() {
        let cells: Vec<&str> = line.split([',', ';', '\t']).map(str::trim).collect();
        let [workers, figure] = cells[..] else {
            return Err(format!(
                "line {} has {} cells; write workers,throughput, as in 8,412.5",
                number + 1,
                cells.len()
            ));
        };
        let Ok(workers) = workers.parse::<u32>() else {
            if place == 0 {
                is_time |= ["time", "second", "duration", "ms"]
                    .iter()
                    .any(|word| figure.to_lowercase().contains(word));
                continue;
            }
            return Err(format!("line {}: `{workers}` is not a number of workers", number + 1));
        };
        let figure =
            figure.parse::<f64>().ok().filter(|figure| *figure > 0.0 && figure.is_finite());
        let Some(figure) = figure.filter(|_| workers > 0) else {
            return Err(format!("line {}: workers and figures are numbers above zero", number + 1));
        };
        let rate = if is_time { 1.0 / figure } else { figure };
        match speeds.iter_mut().find(|known| known.workers == workers) {
            Some(known) => known.rates.push(rate),
            None => speeds.push(Speed { workers, rates: vec![rate] }),
        }
    }
    speeds.sort_by_key(|speed| speed.workers);
    if speeds.is_empty() {
        return Err("there are no figures; write workers,throughput in each line".into());
    }
    Ok(speeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(text: &str, time: bool) -> Vec<(u32, Vec<f64>)> {
        let speeds = speeds(text, time).unwrap();
        speeds.into_iter().map(|speed| (speed.workers, speed.rates)).collect()
    }

    #[test]
    fn a_heading_may_say_that_figures_are_times_and_rounds_repeat_workers() {
        let text = "workers,seconds\n# quiet\n2,0.5\n1,1\n\n1,2\n";
        assert_eq!(rates(text, false), [(1, vec![1.0, 0.5]), (2, vec![2.0])]);
        assert_eq!(rates("1;10\n2;19\n", false), [(1, vec![10.0]), (2, vec![19.0])]);
        assert_eq!(rates("1\t10\n", true), [(1, vec![0.1])]);
    }

    #[test]
    fn what_is_no_figure_is_refused_with_its_line() {
        for (text, why) in [
            ("1,10\ntwo,19\n", "line 2: `two` is not a number of workers"),
            ("1,10\n2,0\n", "line 2: workers and figures are numbers above zero"),
            ("1,10\n0,3\n", "line 2: workers and figures are numbers above zero"),
            ("1,10\n2,nan\n", "line 2: workers and figures are numbers above zero"),
            ("1\n", "line 1 has 1 cells; write workers,throughput, as in 8,412.5"),
            ("workers,throughput\n", "there are no figures; write workers,throughput in each line"),
        ] {
            assert_eq!(speeds(text, false).unwrap_err(), why, "{text:?}");
        }
    }
}

//! Which picture is wanted, on which ground, and whether the name of its file fits what is in it.
//! What it looks like is for [`maitred_core::view::picture`] to say.

use std::path::Path;

use maitred_core::recording::Provenance;
use maitred_core::result::{Comparison, Fit};
use maitred_core::trace::Trace;
use maitred_core::view::picture::{self, Chart, Look, Theme};
use maitred_core::view::timeline::{Lens, Refusal};

use crate::cli::{ChartArgs, ChartName, DrawingArgs, ThemeName};
use crate::error::Error;
use crate::png;
use crate::recording::Records;

/// A picture of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drawing {
    /// `None`: what says most of the result.
    chart: Option<Chart>,
    theme: Theme,
}

impl Drawing {
    pub(crate) fn of(args: &ChartArgs) -> Self {
        let chart = args.chart.map(|chart| match chart {
            ChartName::Bars => Chart::Bars,
            ChartName::Scaling => Chart::Scaling,
            ChartName::Latency => Chart::Latency,
            ChartName::Requests => Chart::Requests,
        });
        Self { chart, theme: theme(&args.drawing) }
    }

    /// The picture as text.
    ///
    /// # Errors
    /// Why the result has no such picture, as a sentence.
    pub(crate) fn svg(self, result: &Comparison) -> Result<String, &'static str> {
        let usual = if result.scaling.is_some() { Chart::Scaling } else { Chart::Bars };
        picture::chart(result, self.chart.unwrap_or(usual), &look(self.theme))
    }

    /// The picture as pixels.
    ///
    /// # Errors
    /// Those of [`Drawing::svg`] and of [`png::png`].
    pub(crate) fn png(self, result: &Comparison) -> Result<Vec<u8>, String> {
        png::png(&Self { theme: fixed(self.theme), ..self }.svg(result)?)
    }
}

/// The picture of figures that the user has, and of the law behind them.
///
/// # Errors
/// Why there is none, as a sentence.
pub(crate) fn figures(found: &Fit, title: &str, theme: Theme) -> Result<String, &'static str> {
    let drawn = picture::scaling::figures(found, title, &look(theme));
    drawn.ok_or("there are no figures above zero to draw")
}

/// The picture of a trace.
///
/// # Errors
/// [`Refusal`] when there is nothing that could be drawn so.
pub(crate) fn timeline<'a>(
    trace: &Trace,
    from: &Provenance,
    records: &dyn Fn() -> Records<'a>,
    lens: &Lens,
    theme: Theme,
) -> Result<String, Refusal> {
    let subject = from.subject.title.as_ref().unwrap_or(&from.subject.name);
    let (spans, slices) = (|| records().spans, || records().slices);
    picture::timeline::timeline(trace, subject, spans, slices, lens, &look(theme))
}

fn look(theme: Theme) -> Look {
    Look { theme, ..Look::default() }
}

/// The ground that was asked for.
pub(crate) fn theme(args: &DrawingArgs) -> Theme {
    match args.theme {
        ThemeName::Auto => Theme::Auto,
        ThemeName::Light => Theme::Light,
        ThemeName::Dark => Theme::Dark,
    }
}

/// The same for pixels, which cannot follow their reader.
pub(crate) fn fixed(theme: Theme) -> Theme {
    if theme == Theme::Auto { Theme::Light } else { theme }
}

/// Refuses names that promise something else than what is written, and what this build cannot write.
///
/// # Errors
/// [`Error::usage`] for the first such name.
pub(crate) fn check(args: &DrawingArgs) -> Result<(), Error> {
    if let (Some(why), Some(_)) = (png::MISSING, &args.export_png) {
        return Err(Error::usage(why));
    }
    let both = [
        ("--export-svg", "svg", args.export_svg.as_deref()),
        ("--export-png", "png", args.export_png.as_deref()),
    ];
    both.into_iter()
        .filter_map(|(option, ending, path)| Some((option, ending, path?)))
        .try_for_each(|(option, ending, path)| fits(option, ending, path))
}

/// Refuses a name with the ending of another form.
///
/// # Errors
/// [`Error::usage`].
pub(crate) fn fits(option: &str, ending: &str, path: &Path) -> Result<(), Error> {
    const FORMS: [&str; 12] =
        ["csv", "gif", "html", "jpeg", "jpg", "json", "kdl", "md", "pdf", "pftrace", "png", "svg"];
    let found = path.extension().and_then(|it| it.to_str()).unwrap_or_default().to_lowercase();
    match FORMS.contains(&found.as_str()) && found != ending {
        false => Ok(()),
        true => Err(Error::usage(format!(
            "{option} writes {}, but {} is named as if it were {}; name it .{ending}",
            ending.to_uppercase(),
            path.display(),
            found.to_uppercase()
        ))),
    }
}

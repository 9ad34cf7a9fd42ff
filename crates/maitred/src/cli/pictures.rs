//! Pictures for slides and documents: which, on which ground, into which file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a run or a result becomes a picture.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Pictures")]
pub struct DrawingArgs {
    /// Draw it as SVG
    #[arg(long, value_name = "FILE")]
    pub export_svg: Option<PathBuf>,

    /// Draw it as PNG, 1,600 pixels wide (of builds with the feature `png`)
    #[arg(long, value_name = "FILE")]
    pub export_png: Option<PathBuf>,

    /// On which ground to draw; auto: as the reader of an SVG prefers, and light in a PNG
    #[arg(long, value_name = "THEME", default_value = "auto")]
    pub theme: ThemeName,
}

/// What is drawn of a result.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Pictures")]
pub struct ChartArgs {
    #[command(flatten)]
    pub drawing: DrawingArgs,

    /// What to draw of a result: bars by default
    #[arg(long, value_name = "CHART")]
    pub chart: Option<ChartName>,
}

/// The ground of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThemeName {
    Auto,
    Light,
    Dark,
}

/// A picture of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChartName {
    /// How fast, with intervals
    Bars,
    /// Over numbers of workers, or over the values of what was swept
    Scaling,
    /// How long tasks took
    Latency,
    /// How long requests took
    Requests,
}

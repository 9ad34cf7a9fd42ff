//! Colours and hatches: which state looks how, on light and on dark ground. The hues are those of
//! Okabe & Ito, "Color Universal Design" (2008), which people with any kind of colour vision tell
//! apart; every state but the most frequent one is hatched besides.

use alloc::format;
use alloc::string::String;

use super::super::state::State;

/// On which ground a picture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// On the one that the reader prefers: the program that shows the picture knows.
    Auto,
    Light,
    Dark,
}

/// The colours of one ground, as CSS has them.
struct Ground {
    paper: &'static str,
    lane: &'static str,
    ink: &'static str,
    dim: &'static str,
    grid: &'static str,
    blue: &'static str,
    /// A paler one of the same hue.
    pale: &'static str,
    /// Thin lines and small marks, which yellow and sky blue are too pale for on white.
    series: [&'static str; SERIES],
}

/// So many curves can be told apart in one picture.
pub(super) const SERIES: usize = 6;

const LIGHT: Ground = Ground {
    paper: "#ffffff",
    lane: "#f1f2f4",
    ink: "#1c1f23",
    dim: "#565c64",
    grid: "#d5d9de",
    blue: "#0072b2",
    pale: "#8cc0de",
    series: ["#0072b2", "#d55e00", "#007a58", "#b0588c", "#9a6b00", "#2d83b4"],
};

const DARK: Ground = Ground {
    paper: "#15181c",
    lane: "#24282e",
    ink: "#eceff2",
    dim: "#a7aeb6",
    grid: "#3a4048",
    blue: "#2f93d1",
    pale: "#28587a",
    series: ["#56b4e9", "#f08337", "#2fc79b", "#cc79a7", "#e69f00", "#f0e442"],
};

/// What a bar, a mark or a text stands for, where it is no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// The best, and what is as good.
    Good,
    /// Everything else.
    Other,
    /// That cannot be told.
    Open,
    Bad,
}

impl Tone {
    pub(super) const ALL: [Self; 4] = [Self::Good, Self::Other, Self::Open, Self::Bad];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Other => "other",
            Self::Open => "open",
            Self::Bad => "failed",
        }
    }

    /// States of the same colour mean the same: to compute is good, to fail is bad.
    fn hue(self) -> &'static str {
        match self {
            Self::Good => hue(State::Running),
            Self::Other => hue(State::Waiting),
            Self::Open => hue(State::Queueing),
            Self::Bad => hue(State::Failed),
        }
    }

    fn hatch(self) -> &'static str {
        match self {
            Self::Good | Self::Other => "",
            Self::Open => hatch(State::Queueing),
            Self::Bad => hatch(State::Failed),
        }
    }
}

/// The name of a state in classes and ids.
pub(in super::super) fn name(state: State) -> &'static str {
    match state {
        State::Queueing => "queueing",
        State::Holding => "holding",
        State::Running => "running",
        State::Blocked => "blocked",
        State::Waiting => "waiting",
        State::Overdue => "overdue",
        State::Talking => "talking",
        State::Runnable => "runnable",
        State::HeldUp => "held-up",
        State::Unrecorded => "unrecorded",
        State::InClient => "in-client",
        State::InScheduler => "in-scheduler",
        State::OnWire => "on-wire",
        State::InQueue => "in-queue",
        State::Idle => "idle",
        State::Failed => "failed",
    }
}

fn hue(state: State) -> &'static str {
    match state {
        State::Queueing => "#e69f00",
        State::Holding => "#0072b2",
        State::Running => "#009e73",
        State::Blocked => "#cc79a7",
        State::Waiting => "#56b4e9",
        State::Overdue => hue(State::Failed),
        State::Talking => "#f0e442",
        State::Runnable => hue(State::Queueing),
        State::HeldUp => hue(State::Blocked),
        State::Unrecorded => "none",
        State::Idle => "none",
        State::Failed => "#d55e00",
        State::InClient => hue(State::Talking),
        State::InScheduler => hue(State::Holding),
        State::OnWire => hue(State::Waiting),
        State::InQueue => hue(State::Queueing),
    }
}

/// Lines over the colour, in a tile of six by six that continues in all directions.
fn hatch(state: State) -> &'static str {
    match state {
        State::Running | State::Idle | State::Unrecorded => "",
        State::Queueing => "M-1 1l2 -2M0 6l6 -6M5 7l2 -2",
        State::Talking => "M-1 5l2 2M0 0l6 6M5 -1l2 2",
        State::Runnable => "M0 0l6 6M-1 5l2 2M5 -1l2 2",
        State::Blocked => "M3 0v6",
        State::HeldUp => "M1.5 0v6M4.5 0v6",
        State::Waiting => "M0 3h6",
        State::Overdue => "M0 1.5h6M0 4.5h6",
        State::Holding => "M0 1.5h6M1.5 0v6",
        State::Failed => "M0 0l6 6M0 6l6 -6",
        State::InClient => "M3 0v6M0 3h6",
        State::InScheduler => "M-1 1l2 -2M0 6l6 -6M5 7l2 -2",
        State::OnWire => "M1.5 0v6M4.5 0v6",
        State::InQueue => "M0 1.5h6M0 4.5h6",
    }
}

/// The style sheet of a picture.
pub(super) fn style(theme: Theme) -> String {
    let mut css = String::from(
        ".m-t{font-family:\"Noto Sans\",system-ui,sans-serif;font-size:12px}\
         .m-b{font-weight:bold}.m-h{font-size:16px;font-weight:bold}\
         .m-hatch{stroke:#000;stroke-opacity:.42;stroke-width:1;fill:none}\
         .m-cross,.m-whisker{stroke-width:1.5;fill:none}\
         .m-curve{stroke-width:2;fill:none}.m-dash{stroke-dasharray:6 4;stroke-width:1.5;fill:none}\
         .m-dot{stroke-dasharray:2 3;stroke-width:1.5;fill:none}.m-line{stroke-width:1;fill:none}",
    );
    for state in State::ALL.into_iter().filter(|state| hue(*state) != "none") {
        css.push_str(&format!(".m-{}{{fill:{}}}", name(state), hue(state)));
    }
    for tone in Tone::ALL {
        css.push_str(&format!(".m-{}{{fill:{}}}", tone.name(), tone.hue()));
    }
    match theme {
        Theme::Light => css.push_str(&ground(&LIGHT)),
        Theme::Dark => css.push_str(&ground(&DARK)),
        Theme::Auto => {
            css.push_str(&ground(&LIGHT));
            css.push_str(&format!("@media(prefers-color-scheme:dark){{{}}}", ground(&DARK)));
        }
    }
    css
}

fn ground(ground: &Ground) -> String {
    let Ground { paper, lane, ink, dim, grid, blue, pale, series } = ground;
    let mut css = format!(
        ".m-paper{{fill:{paper}}}.m-lane{{fill:{lane}}}.m-t,.m-ink{{fill:{ink}}}.m-dim{{fill:{dim}}}\
         .m-grid{{stroke:{grid}}}.m-axis{{stroke:{dim}}}.m-whisker,.m-cross{{stroke:{ink}}}\
         .m-holding{{fill:{blue}}}.m-grid-fill{{fill:{grid}}}.m-most{{fill:{pale}}}.m-tail{{fill:{blue}}}"
    );
    for (number, colour) in series.iter().enumerate() {
        css.push_str(&format!(
            ".m-s{number}{{stroke:{colour}}}.m-f{number}{{fill:{colour};stroke:{paper}}}"
        ));
    }
    css
}

/// The same grounds for a page around the pictures, as custom properties.
pub(in super::super) fn page_style() -> String {
    let of = |ground: &Ground| {
        format!(
            ":root{{--paper:{};--ink:{};--dim:{};--grid:{};--lane:{};--link:{}}}",
            ground.paper, ground.ink, ground.dim, ground.grid, ground.lane, ground.series[0]
        )
    };
    format!("{}@media(prefers-color-scheme:dark){{{}}}", of(&LIGHT), of(&DARK))
}

/// A pattern for everything that is hatched.
pub(super) fn patterns(id: &str) -> String {
    let states = State::ALL.into_iter().map(|state| (name(state), hatch(state)));
    let tones = Tone::ALL.into_iter().filter(|tone| *tone != Tone::Bad);
    let tones = tones.map(|tone| (tone.name(), tone.hatch()));
    let hatched = states.chain(tones).filter(|(_, hatch)| !hatch.is_empty());
    let pattern = |(name, hatch): (&str, &str)| {
        format!(
            "<pattern id=\"{id}-{name}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"6\" height=\"6\" class=\"m-{name}\"/>\
             <path class=\"m-hatch\" d=\"{hatch}\"/></pattern>"
        )
    };
    hatched.map(pattern).collect()
}

/// The attribute that fills a shape as a state looks.
pub(super) fn fill(state: State, id: &str) -> String {
    filled(name(state), hatch(state), id)
}

/// The same for what is no state.
pub(super) fn tone(tone: Tone, id: &str) -> String {
    filled(tone.name(), tone.hatch(), id)
}

fn filled(name: &str, hatch: &str, id: &str) -> String {
    match hatch {
        "" => format!("class=\"m-{name}\""),
        _ => format!("fill=\"url(#{id}-{name})\""),
    }
}

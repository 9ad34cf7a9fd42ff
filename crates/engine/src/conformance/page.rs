//! The page that runners keep to, its paragraphs, and what is against one.

const PAGE: &str = include_str!("../../shipped/runtimes/PROTOCOL.md");

/// A paragraph of `runtimes/PROTOCOL.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paragraph {
    Conversation,
    Stop,
    EndOfInput,
    Ready,
    Done,
    Failures,
    Deadlock,
    Phases,
    Error,
    Arrivals,
    Durations,
    Http,
    WorkerDies,
    Lane,
    Spans,
    Readings,
    Rounds,
}

impl Paragraph {
    /// How it begins on the page.
    fn start(self) -> &'static str {
        match self {
            Self::Conversation => "One JSON object a line",
            Self::Stop => "| `{\"stop\":{}}`",
            Self::EndOfInput => "| end of input",
            Self::Ready => "**`ready`**",
            Self::Done => "**`done`**",
            Self::Failures => "- `failures`:",
            Self::Deadlock => "- `deadlock`:",
            Self::Phases => "- `phases`:",
            Self::Error => "**`error`**",
            Self::Arrivals => "`arrivals`:",
            Self::Durations => "A **duration** is",
            Self::Http => "`headers` is",
            Self::WorkerDies => "Resources and channels are shared",
            Self::Lane => "- A **lane** is",
            Self::Spans => "- Every execution of a step",
            Self::Readings => "- *n* steps need",
            Self::Rounds => "| `rounds` | absent",
        }
    }

    /// Its text: from where it begins to the next blank line, item or row.
    pub fn text(self) -> String {
        let lines = PAGE.lines().skip_while(|line| !line.starts_with(self.start()));
        let mut words: Vec<&str> = Vec::new();
        for line in lines {
            let is_new = ["- ", "| ", "**"].iter().any(|mark| line.starts_with(mark));
            if !words.is_empty() && (line.is_empty() || is_new) {
                break;
            }
            words.push(line.trim());
        }
        words.join(" ")
    }
}

/// Something that a runner does otherwise than the page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A lowercase sentence.
    pub text: String,
    pub paragraph: Paragraph,
}

impl Fault {
    pub(super) fn new(paragraph: Paragraph, text: impl Into<String>) -> Self {
        Self { text: text.into(), paragraph }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Paragraph; 17] = [
        Paragraph::Conversation,
        Paragraph::Stop,
        Paragraph::EndOfInput,
        Paragraph::Ready,
        Paragraph::Done,
        Paragraph::Failures,
        Paragraph::Deadlock,
        Paragraph::Phases,
        Paragraph::Error,
        Paragraph::Arrivals,
        Paragraph::Durations,
        Paragraph::Http,
        Paragraph::WorkerDies,
        Paragraph::Lane,
        Paragraph::Spans,
        Paragraph::Readings,
        Paragraph::Rounds,
    ];

    #[test]
    fn every_paragraph_is_on_the_page() {
        for paragraph in ALL {
            assert!(paragraph.text().len() > 40, "{paragraph:?}: {}", paragraph.text());
        }
        assert!(Paragraph::Stop.text().contains("start no new task"));
        assert!(!Paragraph::Deadlock.text().contains("result_hash"), "one item only");
    }
}

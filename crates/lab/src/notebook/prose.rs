//! Prose as HTML in which nothing runs and nothing is loaded: raw HTML stands as the text that it
//! is, links lead to http, https or into the page and say nothing of where they come from, and
//! pictures are those beside the notebook, put in as data.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd, html};

/// The bytes of a file beside the notebook and their media type; `None`: there is none.
pub type Picture<'a> = &'a dyn Fn(&str) -> Option<(Vec<u8>, &'static str)>;

/// The events as HTML.
pub(super) fn html(events: Vec<Event<'_>>, picture: Picture<'_>) -> String {
    let mut safe = Vec::new();
    let mut open_links = Vec::new();
    for event in events {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => safe.push(Event::Text(text)),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let kept = is_harmless(&dest_url);
                open_links.push(kept);
                if kept {
                    let mut open = String::from("<a rel=\"noreferrer noopener\" href=\"");
                    escape(&mut open, &dest_url);
                    open.push_str("\">");
                    safe.push(Event::InlineHtml(open.into()));
                }
            }
            Event::End(TagEnd::Link) => {
                if open_links.pop() == Some(true) {
                    safe.push(Event::InlineHtml("</a>".into()));
                }
            }
            Event::Start(Tag::Image { dest_url, title, .. }) => {
                safe.push(Event::Start(Tag::Image {
                    link_type: LinkType::Inline,
                    dest_url: data(&dest_url, picture),
                    title,
                    id: "".into(),
                }));
            }
            other => safe.push(other),
        }
    }
    let mut text = String::new();
    html::push_html(&mut text, safe.into_iter());
    text
}

/// The text of events, without marks.
pub(super) fn plain(events: &[Event<'_>]) -> String {
    let piece = |event: &Event<'_>| match event {
        Event::Text(text) | Event::Code(text) => text.to_string(),
        Event::SoftBreak | Event::HardBreak => " ".to_owned(),
        _ => String::new(),
    };
    events.iter().map(piece).collect()
}

fn is_harmless(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    ["http://", "https://", "#"].iter().any(|begin| lower.starts_with(begin))
}

/// A picture as an address that holds it; one that is not there leads nowhere.
fn data<'a>(name: &str, picture: Picture<'_>) -> CowStr<'a> {
    match picture(name) {
        Some((bytes, media)) => format!("data:{media};base64,{}", BASE64.encode(&bytes)).into(),
        None => "data:,".into(),
    }
}

/// What HTML takes as text, also between quotes.
pub(super) fn escape(into: &mut String, text: &str) {
    for one in text.chars() {
        match one {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            other => into.push(other),
        }
    }
}

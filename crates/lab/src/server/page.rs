//! The files of the page, as they lie in the source: what is reviewed is what is served. For a page
//! that stands alone, without a server, the modules become one script.

use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get};

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct File {
    pub path: &'static str,
    pub media: &'static str,
    pub text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($path:literal $file:literal $media:expr;)*) => {
        /// All of them; a module stands behind those that it imports.
        pub const PAGE: &[File] = &[$(File {
            path: $path,
            media: $media,
            text: include_str!(concat!("../page/", $file)),
        }),*];
        /// Their paths: what needs no token, because it holds no secret.
        pub(super) const PATHS: &[&str] = &[$($path),*];
    };
}

files! {
    "/" "index.html" "text/html; charset=utf-8";
    "/style.css" "style.css" "text/css; charset=utf-8";
    "/dom.js" "dom.js" SCRIPT;
    "/lanes.js" "lanes.js" SCRIPT;
    "/api.js" "api.js" SCRIPT;
    "/replay.js" "replay.js" SCRIPT;
    "/timeline.js" "timeline.js" SCRIPT;
    "/figures.js" "figures.js" SCRIPT;
    "/downloads.js" "downloads.js" SCRIPT;
    "/panels.js" "panels.js" SCRIPT;
    "/live.js" "live.js" SCRIPT;
    "/cell.js" "cell.js" SCRIPT;
    "/book.js" "book.js" SCRIPT;
    "/app.js" "app.js" SCRIPT;
}

pub(super) fn route<S: Clone + Send + Sync + 'static>(file: &'static File) -> MethodRouter<S> {
    get(move || async move { ([(header::CONTENT_TYPE, file.media)], file.text).into_response() })
}

fn text(path: &str) -> &'static str {
    PAGE.iter().find(|file| file.path == path).map_or("", |file| file.text)
}

/// The page as one file that needs no server: style, one script, and what it shows. Modules do not
/// load from `file://`, so their imports go and their exports become plain names, all of which
/// differ.
pub fn bundle(title: &str, data: &str) -> String {
    let mut script = String::new();
    for file in PAGE.iter().filter(|file| file.media == SCRIPT) {
        for line in file.text.lines().filter(|line| !line.starts_with("import ")) {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    let is_module = |line: &&str| line.contains("=\"module");
    let shell: String = text("/").split_inclusive('\n').filter(|line| !is_module(line)).collect();
    let shell = shell
        .replace("<link rel=\"stylesheet\" href=\"/style.css\">\n", "<STYLE>")
        .replace("<title>maitred lab</title>", &format!("<title>{}</title>", escaped(title)));
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
         form-action 'none'\">\n";
    let style = format!("{policy}<style>\n{}</style>\n", text("/style.css"));
    let carried = format!(
        "<script type=\"application/json\" id=\"carried\">{}</script>\n<script>\n(() => {{\n\"use strict\";\n{script}}})();\n</script>\n</body>",
        data.replace('<', "\\u003c")
    );
    // From the end on, so that nothing which was put in is looked through again.
    let (head, tail) = shell.rsplit_once("</body>").unwrap_or((&shell, ""));
    let (before, after) = head.split_once("<STYLE>").unwrap_or((head, ""));
    [before, &style, after, &carried, tail].concat()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names that a module has at its top.
    fn names(text: &str) -> Vec<&str> {
        let begins = ["function ", "async function ", "class ", "const ", "let "];
        let name = |line: &'static str| {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let rest = begins.iter().find_map(|begin| line.strip_prefix(begin))?;
            rest.split(|one: char| !one.is_alphanumeric() && one != '_').next()
        };
        // Only lines of the page itself live so long.
        let text: &'static str = PAGE.iter().find(|file| file.text == text).unwrap().text;
        text.lines().filter_map(name).collect()
    }

    #[test]
    fn names_of_modules_differ_so_that_they_can_be_one_script() {
        let mut seen = BTreeSet::new();
        for file in PAGE.iter().filter(|file| file.media == SCRIPT) {
            for name in names(file.text) {
                assert!(seen.insert(name), "{name} of {} is there twice", file.path);
            }
        }
        assert!(seen.contains("Replay") && seen.contains("carried"));
    }

    #[test]
    fn a_module_stands_behind_those_that_it_imports() {
        let mut before = BTreeSet::new();
        for file in PAGE.iter().filter(|file| file.media == SCRIPT) {
            let imports = file.text.lines().filter(|line| line.starts_with("import "));
            for line in imports {
                let from = line.split("from \".").nth(1).and_then(|rest| rest.split('"').next());
                assert!(before.contains(from.unwrap()), "{}: {line}", file.path);
            }
            before.insert(file.path);
        }
    }

    #[test]
    fn no_module_waits_for_the_one_that_imports_it() {
        for file in PAGE.iter().filter(|file| file.media == SCRIPT) {
            let preload = format!("<link rel=\"modulepreload\" href=\"{}\">", file.path);
            let script = format!("src=\"{}\"></script>", file.path);
            let shell = text("/");
            assert!(shell.contains(&preload) || shell.contains(&script), "{}", file.path);
        }
    }

    #[test]
    fn the_page_is_small_and_asks_nobody_else() {
        let size: usize = PAGE.iter().map(|file| file.text.len()).sum();
        assert!(size <= 300_000, "{size} bytes");
        for file in PAGE {
            let text = file.text.replace("http://www.w3.org/", "");
            assert!(!text.contains("http://") && !text.contains("https://"), "{}", file.path);
            for word in [
                "eval(",
                "new Function",
                "document.write",
                "WebSocket",
                "EventSource",
                "document.cookie",
            ] {
                assert!(!file.text.contains(word), "{} has {word}", file.path);
            }
        }
    }

    #[test]
    fn what_is_carried_cannot_end_its_script() {
        let page = bundle("a < b", "{\"x\":\"</script><script>alert(1)</script>\"}");
        assert!(page.contains("<title>a &lt; b</title>"));
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(
            !page.contains("import {") && !page.contains("export ") && !page.contains("/app.js")
        );
    }
}

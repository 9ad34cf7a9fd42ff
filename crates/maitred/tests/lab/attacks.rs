//! Whoever may not ask is refused, however it is tried, and the page still works.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;

use maitred_lab::server::{PAGE, ROUTES};

use crate::devtools::patiently;
use crate::lab::{Lab, body, status};
use crate::story::{READY, browser};

/// A path of each route, with something in its places.
fn paths() -> Vec<(&'static str, String)> {
    let filled =
        |path: &str| path.replace("{id}", "1").replace("{number}", "0").replace("{name}", "bars");
    ROUTES.iter().map(|route| (route.method, filled(route.path))).collect()
}

#[test]
fn every_route_but_the_page_wants_the_token() {
    let lab = Lab::open(&[]);
    let host = lab.host();
    let wrong = format!("Bearer {}", "0".repeat(48));
    let short = format!("Bearer {}", &lab.token[..47]);
    for (method, path) in paths() {
        for authorization in [
            None,
            Some(&*wrong),
            Some(&*short),
            Some("Basic eA=="),
            Some("Bearer "),
            Some(&*lab.token),
        ] {
            let mut headers = vec![("Host", &*host), ("Content-Type", "application/json")];
            headers.extend(authorization.map(|value| ("Authorization", value)));
            let answer = lab.ask(method, &path, &headers, "{}");
            assert_eq!(status(&answer), 401, "{method} {path} {authorization:?}: {answer}");
        }
    }
    for other in
        ["/api/nothing", "/..", "/api/../secret", "/%2e%2e/etc/passwd", "//x", "/style.css/"]
    {
        assert_eq!(status(&lab.ask("GET", other, &[("Host", &host)], "")), 401, "{other}");
    }
    for file in PAGE {
        let answer = lab.ask("GET", file.path, &[("Host", &host)], "");
        assert_eq!(status(&answer), 200, "{}", file.path);
        assert!(!answer.contains(&lab.token), "{} tells the token", file.path);
    }
}

#[test]
fn only_our_own_address_and_our_own_page_are_heard() {
    let lab = Lab::open(&[]);
    let (host, bearer) = (lab.host(), lab.bearer());
    let origin = format!("http://{host}");
    let port = lab.port;
    let known = ("Authorization", &*bearer);
    for wrong in ["evil.example", "127.0.0.1", "localhost", "evil.example:80", ""] {
        assert_eq!(
            status(&lab.ask("GET", "/api/book", &[("Host", wrong), known], "")),
            421,
            "{wrong}"
        );
    }
    let rebound = format!("evil.example:{port}");
    for path in ["/", "/app.js", "/api/book"] {
        assert_eq!(status(&lab.ask("GET", path, &[("Host", &rebound), known], "")), 421, "{path}");
    }
    assert_eq!(status(&lab.raw(&format!("GET /api/book HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n"))) / 100, 4);
    let other_port = format!("http://127.0.0.1:{}", port ^ 1);
    for wrong in
        ["http://evil.example", "null", "https://127.0.0.1", &*other_port, "http://localhost"]
    {
        let headers = [("Host", &*host), known, ("Origin", wrong)];
        assert_eq!(status(&lab.ask("GET", "/api/book", &headers, "")), 403, "{wrong}");
    }
    for site in ["cross-site", "same-site", "nonsense"] {
        let headers =
            [("Host", &*host), known, ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "cors")];
        assert_eq!(status(&lab.ask("GET", "/api/book", &headers, "")), 403, "{site}");
    }
    let link = [("Host", &*host), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    assert_eq!(status(&lab.ask("GET", "/", &link, "")), 200, "a link may lead to the empty page");
    assert_eq!(status(&lab.ask("GET", "/api/book", &link, "")), 403);
    let own = [("Host", &*host), known, ("Origin", &*origin), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(status(&lab.ask("GET", "/api/book", &own, "")), 200);
}

#[test]
fn every_answer_tells_the_browser_what_holds_here() {
    let lab = Lab::open(&[]);
    let answers = [
        lab.ask("GET", "/", &[("Host", &lab.host())], ""),
        lab.ask("GET", "/api/book", &[("Host", "evil.example")], ""),
        lab.allowed("GET", "/api/book", ""),
        lab.allowed("GET", "/api/nothing", ""),
    ];
    for answer in answers {
        let head = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{header} is missing in {head}");
        }
        assert!(!head.contains("access-control-allow"), "{head}");
        assert!(!head.contains("set-cookie"), "{head}");
    }
}

#[test]
fn a_thousand_abuses_later_the_page_still_works() {
    let lab = Lab::open(&[]);
    let host = lab.host();
    let half_open: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", lab.port)).unwrap();
            stream.write_all(b"POST /api/run HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    let mut refused = 0;
    for number in 0..1000 {
        let answer = match number % 8 {
            0 => lab.ask("GET", "/api/book", &[("Host", &host)], ""),
            1 => lab.ask("GET", "/api/book", &[("Host", "evil.example")], ""),
            2 => lab.ask(
                "POST",
                "/api/run",
                &[("Host", &host), ("Origin", "http://evil.example")],
                "{}",
            ),
            3 => lab.raw("GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n"),
            4 => lab.ask("GET", "/../../../../etc/passwd", &[("Host", &host)], ""),
            5 => lab.ask("DELETE", "/api/book", &[("Host", &host)], ""),
            6 => lab.allowed("POST", "/api/run", "{\"book\":\"story\",\"more\":1}"),
            _ => lab.raw(&format!(
                "GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            )),
        };
        refused += u32::from(status(&answer) / 100 == 4);
    }
    assert_eq!(refused, 1000);
    drop(half_open);
    assert_eq!(status(&lab.allowed("GET", "/api/book", "")), 200);
}

#[test]
fn what_is_too_large_is_refused() {
    let lab = Lab::open(&[]);
    let huge = format!(
        "{{\"book\":\"story\",\"cell\":\"tables\",\"source\":\"{}\"}}",
        "x".repeat(3 << 20)
    );
    assert_eq!(status(&lab.allowed("POST", "/api/look", &huge)) / 100, 4);
    let large = format!(
        "{{\"book\":\"story\",\"cell\":\"tables\",\"source\":\"{}\"}}",
        "x".repeat(300 << 10)
    );
    let answer = lab.allowed("POST", "/api/look", &large);
    assert!(status(&answer) == 400 && body(&answer).contains("256 KiB"), "{answer}");
}

#[test]
fn a_cell_that_starts_a_program_runs_only_what_was_agreed_to() {
    let place = tempfile::tempdir().unwrap();
    let mark = place.path().join("mark");
    let source = format!(
        "task \"t\" {{ run \"touch\" {:?} }}\ncompare \"native/sequential\"\n",
        mark.display().to_string()
    );
    let notebook = place.path().join("n.md");
    fs::write(&notebook, format!("# N\n\n```workload id=a rounds=1\n{source}```\n")).unwrap();
    let lab = Lab::open(&[&notebook.display().to_string()]);
    let wish = |agreed: Option<&str>| {
        serde_json::json!({ "book": "n", "cell": "a", "source": source, "set": [], "models": [], "speed": 1.0, "agreed": agreed }).to_string()
    };
    assert_eq!(status(&lab.allowed("GET", "/api/book", "")), 200);
    let answer = lab.allowed("POST", "/api/run", &wish(None));
    assert!(status(&answer) == 422 && body(&answer).contains("nobody agreed"), "{answer}");
    assert_eq!(status(&lab.allowed("POST", "/api/run", &wish(Some("something else")))), 422);
    assert!(!mark.exists(), "it ran unasked");
    let look = serde_json::json!({ "book": "n", "cell": "a", "source": source }).to_string();
    let seen: serde_json::Value =
        serde_json::from_str(body(&lab.allowed("POST", "/api/look", &look))).unwrap();
    let text = seen["asks"]["text"].as_str().unwrap();
    assert!(text.contains("touch") && text.contains("mark"), "{text}");
    let answer = lab.allowed("POST", "/api/run", &wish(Some(text)));
    assert!(body(&answer).contains("\"kept\""), "{answer}");
    assert!(mark.exists());
    // Once for this text: not again, and not for another.
    assert!(body(&lab.allowed("POST", "/api/run", &wish(None))).contains("\"kept\""));
}

#[test]
fn a_cell_asks_only_servers_of_this_machine() {
    let lab = Lab::open(&[]);
    let source =
        "task \"t\" { http \"GET\" \"http://192.0.2.1/\" }\ncompare \"native/sequential\"\n";
    let wish = serde_json::json!({ "book": "story", "cell": "tables", "source": source, "set": [], "models": [], "speed": 1.0 });
    let answer = lab.allowed("POST", "/api/run", &wish.to_string());
    assert!(
        status(&answer) == 422 && body(&answer).contains("only servers of this machine"),
        "{answer}"
    );
}

/// What an author could write who means harm, below a heading and above a cell.
const HARM: &str = "<script>window.hurt = 'a script';</script>\n\n\
    <img src=\"x\" onerror=\"window.hurt = 'an image'\">\n\n\
    <svg onload=\"window.hurt = 'a drawing'\"></svg>\n\n\
    [a](javascript:window.hurt='a-link') [b](data:text/html,<script>opener.hurt=1</script>) <style>main { display: none }</style>\n\n\
    ![far](http://192.0.2.1/far.png) ![deep](../../../../../../etc/hostname)\n\n";

#[test]
#[ignore = "slow: a browser"]
fn a_notebook_that_means_harm_does_none_in_a_browser() {
    let Some(mut browser) = browser() else { return };
    let place = tempfile::tempdir().unwrap();
    let (notebook, mark) = (place.path().join("n.md"), place.path().join("mark"));
    let cell = format!("task \"t\" {{ run \"touch\" {:?} }}\n", mark.display().to_string());
    fs::write(&notebook, format!("# N\n\n{HARM}```workload id=a\n{cell}```\n")).unwrap();
    let lab = Lab::open(&[&notebook.display().to_string()]);
    browser.look(1280, 900, "light");
    browser.open(&lab.address);
    browser.until(READY);
    browser.value("document.querySelectorAll('main .prose a').forEach((one) => one.click())");
    // What came in all the same would be stopped by the policy of the page.
    let tried = browser.value(
        "(async () => {
            const script = document.createElement('script');
            script.textContent = 'window.hurt = \\'a script of its own\\'';
            document.body.append(script);
            const image = new Image();
            const came = new Promise((done) => { image.onload = () => done('it came'); image.onerror = () => done('refused'); });
            image.src = 'http://localhost:9/x.png';
            const asked = await fetch('http://localhost:9/').then(() => 'it came', () => 'refused');
            return [window.hurt ?? 'nothing', await came, asked, getComputedStyle(document.querySelector('main')).display];
        })()",
    );
    assert_eq!(tried, serde_json::json!(["nothing", "refused", "refused", "block"]));
    let (requests, complaints) = browser.asked();
    let own = format!("http://127.0.0.1:{}/", lab.port);
    let far: Vec<&String> =
        requests.iter().filter(|it| it.contains("192.0.2.1") || it.contains("hostname")).collect();
    assert_eq!(far, Vec::<&String>::new());
    assert!(requests.iter().any(|it| it.starts_with(&own)));
    assert!(complaints.iter().any(|it| it.contains("Content Security Policy")), "{complaints:?}");
    assert!(!mark.exists(), "it ran because it was opened");
}

#[test]
#[ignore = "slow: a browser"]
fn another_page_of_the_same_browser_gets_nothing_even_with_the_token() {
    let Some(mut browser) = browser() else { return };
    let place = tempfile::tempdir().unwrap();
    let page = place.path().join("other.html");
    fs::write(&page, "<!doctype html><title>other</title><body></body>").unwrap();
    let lab = Lab::open(&[]);
    browser.open(&format!("file://{}", page.display()));
    browser.until("document.title === 'other' && document.readyState === 'complete'");
    let (base, token) = (format!("http://127.0.0.1:{}", lab.port), &lab.token);
    let tried = browser.value(&format!(
        "(async () => {{
            const known = {{ headers: {{ Authorization: 'Bearer {token}' }} }};
            const read = await fetch('{base}/api/book', known).then(() => 'it came', () => 'refused');
            const post = {{ method: 'POST', mode: 'no-cors', body: '{{}}' }};
            const sent = await fetch('{base}/api/run', post).then((answer) => answer.type + answer.status, () => 'refused');
            const script = document.createElement('script');
            const came = new Promise((done) => {{ script.onload = () => done('it came'); script.onerror = () => done('refused'); }});
            script.src = '{base}/app.js';
            document.body.append(script);
            return [read, sent === 'opaque0' ? 'refused' : sent, await came];
        }})()"
    ));
    assert_eq!(tried, serde_json::json!(["refused", "refused", "refused"]));
    // Within a frame it is not shown.
    browser.value(&format!("(() => {{ const frame = document.createElement('iframe'); frame.src = '{base}/'; document.body.append(frame); }})()"));
    browser.until("document.querySelector('iframe').contentDocument === null");
    patiently("the browser refuses the frame", || {
        browser.asked().1.iter().any(|it| it.contains("frame-ancestors 'none'"))
    });
}

//! Whom an address does not trust, and who stands between it and the server: a sentence for each.

use crate::http::Server;
use crate::program::Place;

/// What the comparison of one model says.
fn said(place: &Place, environment: &[(&str, &str)], line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let rest = ["-n", "4", "--models", "event-loop", "--runs", "1", "--warmup", "0", "--no-trace"];
    let mut command = place.command(&[&["compare"], &words[..], &rest].concat());
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    // Wherever a line was broken.
    String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// With a certificate of one's own authority, as `openssl req -x509` makes it, and its key.
fn with_authority(place: Place) -> Place {
    let mut about = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    about.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = about.self_signed(&key).unwrap().pem();
    place.file("own.pem", certificate).file("own.key", key.serialize_pem())
}

#[test]
fn who_cannot_be_trusted_or_stands_between_is_named_in_a_sentence() {
    let place = with_authority(Place::new());
    let socket = Server::start_with(&place, &["--tls", "--save-cert", "u.pem", "--unix", "s"]);
    let secure = Server::start_with(&place, &["--tls", "--save-cert", "c.pem"]);
    let own = Server::start_with(&place, &["--cert", "own.pem", "--key", "own.key"]);
    let plain = Server::start(&place);
    let (https, http) = (&secure.address, &plain.address);
    let says = |line: String, expected: &str| {
        let text = said(&place, &[], &line);
        assert!(text.contains(expected), "{line}: {text}");
    };
    says(
        format!("{https}/bytes/1"),
        "from an authority that is not known here; give that one as --cacert",
    );
    says(format!("{https}/bytes/1 --cacert u.pem"), "but did not sign the certificate");
    says("https://other.example/bytes/1 --unix s --cacert u.pem".into(), "not for `other.example`");
    let of_an_authority =
        "one of an authority and not of a server, as `openssl req -x509` makes it";
    says(format!("{}/bytes/1 --cacert own.pem", own.address), of_an_authority);
    let trusting = said(&place, &[], &format!("{}/bytes/1 -k", own.address));
    assert!(!trusting.contains("failed"), "{trusting}");
    let crossed = http.replace("http:", "https:");
    says(format!("{crossed}/bytes/1 -k"), "what answers there does not speak TLS; write http://");
    let crossed = https.replace("https:", "http:");
    says(format!("{crossed}/bytes/1"), "a port that speaks TLS says to a client that does not");
    says(format!("{http}/status/502"), "the word of a proxy in between that got no proper answer");
    let text = said(&place, &[], &format!("{http}/status/503"));
    assert!(!text.contains("proxy"), "a server says that itself: {text}");

    // A proxy that others would ask: named where nobody is found, and not for this machine.
    let proxy = [("http_proxy", "http://127.0.0.1:9"), ("no_proxy", "")];
    let text = said(&place, &proxy, "http://nobody.invalid/");
    assert!(text.contains("http_proxy names a proxy, and it is not asked"), "{text}");
    let text = said(&place, &proxy, &format!("{http}/bytes/1"));
    assert!(!text.contains("proxy") && text.contains("event-loop"), "{text}");
    drop(socket);
}

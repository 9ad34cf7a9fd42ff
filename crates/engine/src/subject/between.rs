//! What stands between the client and the server of an address: a proxy that answers for it, one that was
//! named and is not asked, TLS that the client does not speak.

use maitred_wire::HttpUrl;

/// Says so where a proxy answered and not the server (RFC 9110, 15.5.8, 15.6.3 and 15.6.5).
pub(super) fn gateway(answers: &[(u16, u64)]) -> Option<String> {
    let of = |status: u16| match status {
        407 => Some("that wants to know who asks (-H 'Proxy-Authorization: …')"),
        502 => Some("that got no proper answer from the server"),
        504 => Some("that waited for the server in vain"),
        _ => None,
    };
    let of_proxies =
        answers.iter().filter_map(|(status, count)| Some((of(*status)?, status, count)));
    let (why, status, count) = of_proxies.max_by_key(|(.., count)| **count)?;
    let all: u64 = answers.iter().map(|(_, count)| count).sum();
    Some(format!(
        "{count} of {all} answers have status {status}, which is the word of a proxy in between {why}: they say \
         nothing about the server; see to the proxy, or ask the server itself."
    ))
}

/// Says so where every request over http was refused as by a port that speaks TLS.
pub(super) fn plain_to_tls(url: &str, answers: &[(u16, u64)]) -> Option<String> {
    let is_plain = HttpUrl::parse(url).is_ok_and(|parts| !parts.is_tls);
    let are_refused = !answers.is_empty() && answers.iter().all(|(status, _)| *status == 400);
    (is_plain && are_refused).then(|| {
        "Every answer has status 400, which is what a port that speaks TLS says to a client that does not: if this \
         one does, write https://."
            .to_owned()
    })
}

/// Says so where the environment names a proxy for such addresses, which other clients would ask.
pub(super) fn unasked_proxy(
    url: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let parts = HttpUrl::parse(url).ok()?;
    let names = match parts.is_tls {
        true => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        false => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let is_given = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    let name = names.into_iter().find(is_given)?;
    let spared = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    let is_spared = spared.split(',').map(|one| one.trim().trim_start_matches('.')).any(|one| {
        let rest = parts.host.strip_suffix(one);
        one == "*"
            || !one.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    (!is_spared).then(|| {
        format!(
            "{name} names a proxy, and it is not asked: requests go to `{}` itself; to measure through the proxy, \
             give its own address.",
            parts.host
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_answers_is_not_taken_for_the_servers() {
        let text = gateway(&[(200, 10), (502, 88), (504, 2)]).unwrap();
        assert!(
            text.contains("88 of 100 answers have status 502") && text.contains("in between"),
            "{text}"
        );
        assert!(gateway(&[(407, 1)]).unwrap().contains("Proxy-Authorization"));
        assert_eq!(
            gateway(&[(200, 10), (500, 88), (503, 2)]),
            None,
            "servers say these themselves"
        );
    }

    #[test]
    fn a_port_that_speaks_tls_is_guessed_where_everything_is_refused() {
        let said = |url, answers: &[(u16, u64)]| plain_to_tls(url, answers).is_some();
        assert!(said("http://localhost:8443/", &[(400, 5)]));
        assert!(!said("https://localhost:8443/", &[(400, 5)]), "it is spoken");
        assert!(!said("http://localhost/", &[(400, 5), (200, 1)]), "some were understood");
        assert!(!said("http://localhost/", &[]), "nothing was answered");
    }

    #[test]
    fn a_proxy_of_the_environment_is_named_where_others_would_ask_it() {
        let said = |url: &str, given: &[(&str, &str)]| {
            let find = |name: &str| given.iter().find(|(known, _)| *known == name);
            unasked_proxy(url, |name| find(name).map(|(_, value)| (*value).to_owned()))
        };
        let proxy = ("http_proxy", "http://proxy:3128");
        let text = said("http://example.org/x", &[proxy]).unwrap();
        assert!(text.contains("http_proxy") && text.contains("`example.org` itself"), "{text}");
        assert!(said("https://example.org/", &[("ALL_PROXY", "socks5://proxy")]).is_some());
        assert_eq!(said("https://example.org/", &[proxy]), None, "it is one for http");
        assert_eq!(said("http://example.org/", &[("http_proxy", "")]), None, "none is named");
        assert_eq!(said("http://example.org/", &[]), None);
        for spared in ["*", "example.org", ".org", "a.b, example.org"] {
            assert_eq!(
                said("http://example.org/", &[proxy, ("no_proxy", spared)]),
                None,
                "{spared}"
            );
        }
        assert!(said("http://example.org/", &[proxy, ("NO_PROXY", "ample.org,")]).is_some());
    }
}

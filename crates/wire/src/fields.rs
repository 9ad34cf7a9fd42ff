//! What may stand in the head of a request, by one rule for those who check it and those who send it.

/// A word of HTTP: RFC 9110, section 5.6.2.
pub fn is_token(text: &str) -> bool {
    let extra = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra(byte))
}

/// Whether this is a field that cannot end, or begin, another one (RFC 9110, section 5.5).
pub fn is_field(name: &str, value: &str) -> bool {
    is_token(name) && !value.chars().any(|one| one.is_control() && one != '\t')
}

/// Whether the field says where the body ends, which is for whoever sends it to know.
pub fn is_framing(name: &str) -> bool {
    ["content-length", "transfer-encoding"].iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Whether the field, by its name, holds what only the server is to be told: no file keeps it.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let signs = ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey"];
    signs.iter().any(|sign| name.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_field_is_none() {
        assert!(is_field("X-One", "a\tb ü"));
        for (name, value) in [("", "x"), ("a b", "x"), ("a:", "x"), ("a", "x\r\nb: y"), ("a", "\0")]
        {
            assert!(!is_field(name, value), "{name:?}: {value:?}");
        }
        assert!(is_framing("Content-length") && !is_framing("Content-Type"));
        assert!(
            ["Cookie", "proxy-authorization", "X-Auth-Token", "X-API-Key"]
                .iter()
                .all(|one| is_secret(one))
        );
        assert!(!["Accept", "X-Request-Id", "Content-Type"].iter().any(|one| is_secret(one)));
    }
}

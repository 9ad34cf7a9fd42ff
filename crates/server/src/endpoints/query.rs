//! Names and values as addresses, forms and cookies carry them, decoded. It knows no endpoint.

use form_urlencoded::parse;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// A part of a path: `%20` is a space, `+` is itself. What is no UTF-8 is replaced.
pub(super) fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// The pairs of a query or of a form (`application/x-www-form-urlencoded`), in their order.
pub(super) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    parse(text).into_owned().collect()
}

/// The pairs as an object; a name that comes several times has a list.
pub(super) fn object(pairs: Vec<(String, String)>) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs {
        add(&mut object, name, value.into());
    }
    object.into()
}

/// Adds a value to those that the name has already.
pub(super) fn add(object: &mut Map<String, Value>, name: String, value: Value) {
    match object.get_mut(&name) {
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
        None => {
            object.insert(name, value);
        }
    }
}

/// The pairs of a `Cookie` line (RFC 6265, 5.4), as they stand.
pub(super) fn cookies(line: &str) -> Vec<(String, String)> {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
    };
    line.split(';').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_come_again_have_a_list() {
        let text = object(pairs(b"a=1&b=x+y%21&a=2&a=3&c")).to_string();
        assert_eq!(text, r#"{"a":["1","2","3"],"b":"x y!","c":""}"#);
        assert_eq!(decode("a%20b+c%ff"), "a b+c\u{fffd}");
        let read = cookies("a=1; b=\"2\";bad; c==");
        let expected = [("a", "1"), ("b", "2"), ("c", "=")];
        assert!(read.iter().map(|(name, value)| (&name[..], &value[..])).eq(expected), "{read:?}");
    }
}

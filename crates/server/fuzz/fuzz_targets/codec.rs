//! The codec under any bytes: it never panics, understands the same however they are cut, and what it takes for a
//! request is one to a second, slower reader of the RFC that shares no code with it.
//!
//! `cargo +nightly fuzz run codec` beside this folder; `bench/http/seeds` makes a corpus of the conformance cases.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred_server::codec::{
    BodyProgress, BodyReader, Framing, SizeLimits, head_space, parse_head,
};

/// A request as it was understood.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    head: Vec<u8>,
    content: Vec<u8>,
}

fuzz_target!(|data: &[u8]| {
    let Some((&cut, input)) = data.split_first() else { return };
    let whole = read(input, input.len().max(1));
    assert_eq!(read(input, usize::from(cut % 64) + 1), whole);
});

/// The requests in the input, of which `piece` bytes more are seen at a time; and whether another one was refused.
fn read(input: &[u8], piece: usize) -> (Vec<Request>, bool) {
    let limits = SizeLimits::default();
    let (mut requests, mut start, mut seen) = (Vec::new(), 0, 0);
    loop {
        let mut space = head_space();
        let (framing, length) = match parse_head(&input[start..seen], &mut space, &limits) {
            Ok(Some((head, length))) => {
                assert_eq!(
                    expected_framing(&input[start..start + length], head.minor),
                    head.framing
                );
                (head.framing, length)
            }
            Ok(None) if seen == input.len() => return (requests, false),
            Ok(None) => {
                seen = (seen + piece).min(input.len());
                continue;
            }
            Err(_) => return (requests, true),
        };
        let head = input[start..start + length].to_vec();
        start += length;
        let (mut content, body_start) = (Vec::new(), start);
        let mut body = BodyReader::new(framing, limits.body_bytes);
        while let Some(reader) = &mut body {
            match reader.read(&input[start..seen], Some(&mut content)) {
                Ok(BodyProgress::End(used)) => {
                    start += used;
                    body = None;
                }
                Ok(BodyProgress::More) if seen == input.len() => return (requests, false),
                Ok(BodyProgress::More) => {
                    start = seen;
                    seen = (seen + piece).min(input.len());
                }
                Err(_) => return (requests, true),
            }
        }
        match framing {
            Framing::None => assert!(content.is_empty()),
            Framing::Length(bytes) => assert_eq!(content.len() as u64, bytes),
            Framing::Chunked => assert_eq!(chunks(&input[body_start..start]), content),
        }
        requests.push(Request { head, content });
    }
}

/// Where the body of an accepted head ends, by its lines alone (RFC 9112, 3.2 and 6.3). Fails for what has no right
/// to be accepted.
fn expected_framing(head: &[u8], minor: u8) -> Framing {
    assert!(head.ends_with(b"\r\n\r\n"));
    let mut rest = head;
    let mut lines = Vec::new();
    while !rest.is_empty() {
        lines.push(line(&mut rest));
    }
    assert!(lines.iter().all(|line| !line.iter().any(|byte| b"\r\n\0".contains(byte))));
    let mut lines = lines.into_iter().skip_while(|line| line.is_empty());
    let request = lines.next().expect("a head has a request line");
    assert_eq!(request.iter().filter(|&&byte| byte == b' ').count(), 2);
    let (mut hosts, mut lengths, mut codings) = (0, Vec::new(), Vec::new());
    for line in lines.take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|&byte| byte == b':').expect("a line names a field");
        let name = line[..colon].to_ascii_lowercase();
        assert!(!name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic()));
        let value = line[colon + 1..].trim_ascii();
        match &name[..] {
            b"host" => hosts += 1,
            b"content-length" => lengths.push(value),
            b"transfer-encoding" => codings.push(value.to_ascii_lowercase()),
            _ => {}
        }
    }
    assert!(hosts == 1 || (hosts == 0 && minor == 0), "{hosts} hosts");
    match (&lengths[..], &codings[..]) {
        ([], []) => Framing::None,
        ([], [coding]) if minor == 1 => {
            assert_eq!(coding, b"chunked");
            Framing::Chunked
        }
        ([first, others @ ..], []) => {
            assert!(!first.is_empty() && first.iter().all(u8::is_ascii_digit));
            let number = |digits: &[u8]| str::from_utf8(digits).unwrap().parse::<u64>().unwrap();
            assert!(others.iter().all(|other| number(other) == number(first)));
            match number(first) {
                0 => Framing::None,
                bytes => Framing::Length(bytes),
            }
        }
        _ => panic!("a length and a coding, or codings that are not one"),
    }
}

/// The content of a whole chunked body (RFC 9112, 7.1), which must end where it was said to.
fn chunks(mut body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let size = line(&mut body).split(|&byte| byte == b';').next().expect("a first part");
        assert!(!size.is_empty() && size.iter().all(u8::is_ascii_hexdigit));
        let size = usize::from_str_radix(str::from_utf8(size).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        content.extend(&body[..size]);
        assert_eq!(&body[size..size + 2], b"\r\n");
        body = &body[size + 2..];
    }
    while !line(&mut body).is_empty() {}
    assert!(body.is_empty());
    content
}

fn line<'b>(body: &mut &'b [u8]) -> &'b [u8] {
    let end = body.windows(2).position(|pair| pair == b"\r\n").expect("a line ends");
    let found = &body[..end];
    *body = &body[end + 2..];
    found
}

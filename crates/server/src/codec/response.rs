//! Writes answers: status line, header lines and chunks.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Write as _;

use super::Framing;
use crate::sys;

/// What the head of an answer says.
#[derive(Debug)]
pub struct ResponseHead<'a> {
    pub status: u16,
    pub content_type: &'a str,
    pub framing: Option<Framing>,
    /// `Some` where the answer must say whether the connection stays: HTTP/1.0 clients expect
    /// keep-alive to be granted aloud, and any client must be told of a close.
    pub connection: Option<&'static str>,
    pub extra: &'a [(Cow<'static, str>, String)],
}

impl ResponseHead<'_> {
    /// Appends the head and its empty line to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.status == 200 {
            // Most answers begin like this: one copy instead of five.
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\nServer: maitred\r\nDate: ");
        } else {
            out.extend_from_slice(b"HTTP/1.1 ");
            write_number(out, u64::from(self.status));
            out.push(b' ');
            out.extend_from_slice(reason(self.status).as_bytes());
            out.extend_from_slice(b"\r\nServer: maitred\r\nDate: ");
        }
        write_date(out);
        if !self.content_type.is_empty() {
            out.extend_from_slice(b"\r\nContent-Type: ");
            out.extend_from_slice(self.content_type.as_bytes());
        }
        match self.framing {
            Some(Framing::Length(bytes)) => {
                out.extend_from_slice(b"\r\nContent-Length: ");
                write_number(out, bytes);
            }
            Some(Framing::Chunked) => out.extend_from_slice(b"\r\nTransfer-Encoding: chunked"),
            Some(Framing::None) | None => {}
        }
        for (name, value) in self.extra {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
        }
        if let Some(connection) = self.connection {
            out.extend_from_slice(b"\r\nConnection: ");
            out.extend_from_slice(connection.as_bytes());
        }
        out.extend_from_slice(b"\r\n\r\n");
    }
}

/// Appends one chunk of a chunked body.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    write!(out, "{:x}\r\n", data.len()).expect("a vector takes every write");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the chunk that ends a chunked body.
pub fn write_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

fn write_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(left % 10).expect("a remainder of ten is one digit");
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

thread_local! {
    /// The second for which the date was written last, and how it was written.
    static DATE: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

fn write_date(out: &mut Vec<u8>) {
    let seconds = sys::seconds();
    DATE.with_borrow_mut(|(cached, text)| {
        if *cached != seconds {
            *cached = seconds;
            *text = http_date(seconds);
        }
        out.extend_from_slice(text.as_bytes());
    });
}

/// The date of now, as [`ResponseHead::write`] writes it.
pub fn http_date_now() -> String {
    let mut date = Vec::new();
    write_date(&mut date);
    String::from_utf8_lossy(&date).into_owned()
}

/// An IMF-fixdate (RFC 9110, 5.6.7) for seconds since 1970. The calendar is Howard Hinnant's
/// `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>).
pub(crate) fn http_date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = seconds / 86_400;
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12;
    let year = year_of_era + era * 400 + u64::from(month < 2);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[usize::try_from(days % 7).expect("less than seven")],
        MONTHS[usize::try_from(month).expect("less than twelve")],
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    )
}

/// The reason phrase of a status (RFC 9110, 15).
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // The first is the example of RFC 9110, the others by `date -u -d @…`.
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(951_782_399), "Mon, 28 Feb 2000 23:59:59 GMT");
        assert_eq!(http_date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http_date(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
    }
}

//! Durations, sizes and rates.

use alloc::string::ToString;

use proptest::prelude::*;

use super::super::limits::DURATION_MAX_NS;
use super::super::quantity::{Distribution, Nanos, nearest, parse_rate, parse_size};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_duration_is_read_as_it_is_written(ns in 0..=DURATION_MAX_NS, zeros in 0..15_u32) {
        let round = Nanos(ns / 10_u64.pow(zeros) * 10_u64.pow(zeros));
        prop_assert_eq!(Nanos::parse(&round.to_string()), Ok(round));
    }

    #[test]
    fn a_distribution_is_read_as_it_is_written(
        a in 1..=DURATION_MAX_NS / 2,
        b in 0..=DURATION_MAX_NS / 2,
    ) {
        for distribution in [
            Distribution::Exponential { mean: a },
            Distribution::Uniform { low: a.min(b), high: a.max(b) },
            Distribution::Lognormal { mean: a, deviation: b },
        ] {
            let text = distribution.to_string();
            let (name, text) = text.trim_start_matches('(').split_once(')').unwrap();
            prop_assert_eq!(Distribution::parse(name, text), Some(Ok(distribution)));
        }
    }

    #[test]
    fn any_text_is_a_quantity_or_not(text in "[0-9a-zµ./ ±_-]{0,12}") {
        let _ = (Nanos::parse(&text), parse_size(&text), parse_rate(&text));
    }
}

#[test]
fn durations() {
    let ns = |text| Nanos::parse(text).map(|ns| ns.0);
    assert_eq!(ns("150us"), Ok(150_000));
    assert_eq!(ns("1.5s"), Ok(1_500_000_000));
    assert_eq!(ns("1m30s"), Ok(90_000_000_000));
    assert_eq!(ns("1h 2m 3.5s"), Ok(3_723_500_000_000));
    assert_eq!(ns(" 4 ms "), Ok(4_000_000));
    assert_eq!(ns("1_000ns"), Ok(1_000));
    assert_eq!(ns("0.4ns"), Ok(0));
    assert_eq!(ns("365d"), Ok(DURATION_MAX_NS));
    for wrong in ["", "4", "s", "4x", "1s1s", "1s1m", "1.2.3s", ".5s", "5.s", "366d", "-1s", "1e3s"]
    {
        assert!(ns(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn sizes() {
    assert_eq!(parse_size("10MiB"), Ok(10 << 20));
    assert_eq!(parse_size("1kB"), Ok(1_000));
    assert_eq!(parse_size("1.5GiB"), Ok(3 << 29));
    for wrong in ["", "10", "10mb", "1kB1B", "99999999999TiB", "-1B"] {
        assert!(parse_size(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn rates() {
    assert_eq!(parse_rate("200/s"), Ok(5_000_000.0));
    assert_eq!(parse_rate("0.5/ms"), Ok(2_000_000.0));
    for wrong in ["200", "0/s", "-1/s", "inf/s", "NaN/s", "1/x", "1e-300/s"] {
        assert!(parse_rate(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn only_near_names_are_suggested() {
    let known = ["wait", "write", "repeat", "thread-pool"];
    assert_eq!(nearest("wiat", known), Some("wait"));
    assert_eq!(nearest("threadpool", known), Some("thread-pool"));
    assert_eq!(nearest("Wait", known), Some("wait"));
    assert_eq!(nearest("teleport", known), None);
}

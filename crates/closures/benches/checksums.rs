//! An example of a bench: two ways to sum texts up, one that computes and one that waits between, each
//! under what suits it. `cargo bench -p maitred-closures` measures; `cargo test` runs each once.

use std::process::ExitCode;
use std::time::Duration;

use maitred_closures::{Bench, Compare};

fn checksum(text: &str) -> u64 {
    text.bytes().fold(7, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte))
}

/// As if the text came from somebody else.
async fn fetched(text: &'static str) -> u64 {
    tokio::time::sleep(Duration::from_millis(5)).await;
    checksum(text)
}

fn main() -> ExitCode {
    let texts = || (0..64_u32).map(|n| n.to_string().repeat(100_000));
    Bench::from_args()
        .add(Compare::new("checksum").inputs(texts()).call(|text| checksum(text)).same())
        .add(
            Compare::new("fetch")
                .inputs(texts())
                .call_async(|text| fetched(text))
                .check(|text, sum| *sum == checksum(text))
                .sequential()
                .event_loop()
                .tokio(),
        )
        .run()
}

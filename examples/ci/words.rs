//! A small program, as CI builds it: counts the words of a text that it makes itself.

use std::collections::HashMap;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000_u64);
    let mut counts: HashMap<u64, u32> = HashMap::new();
    let mut word = 1_u64;
    for _ in 0..rounds {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *counts.entry(word >> 52).or_default() += 1;
    }
    let most = counts.values().max().copied().unwrap_or_default();
    println!("{} words, the most frequent {most} times", counts.len());
}

//! Medians and intervals against their definitions.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::stats::{
    Confidence, enough, median, median_interval, median_u64, middle_of_drawn, percentiles, quantile,
};

fn values() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(0.01_f64..100.0, 1..40)
}

#[test]
fn medians_of_few() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0]), Some(3.0));
    assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    assert_eq!(median_u64([].into_iter()), None);
    assert_eq!(median_u64([7, 1, 3, 100].into_iter()), Some(5));
    assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
}

#[test]
fn few_values_are_not_trusted() {
    let of = |values: &[f64]| median_interval(values, Confidence::P95).unwrap();
    assert_eq!(median_interval(&[], Confidence::P95), None);
    let one = of(&[2.0]);
    assert_eq!((one.low, one.high), (2.0, 2.0));
    let three = of(&[1.0, 1.1, 1.2]);
    assert!(three.low < 1.0 && three.high > 1.2, "wider than what was seen: {three:?}");
    let six = of(&[1.0, 1.1, 1.2, 1.3, 1.4, 1.5]);
    assert_eq!((six.low, six.high), (1.0, 1.5), "the range covers 1 − 2⁻⁵ = 96.9 %");
}

#[test]
fn enough_is_what_the_sign_test_needs() {
    for confidence in [Confidence::P95, Confidence::P99] {
        let covers = |count: usize| 1.0 - 2.0 / (1_u64 << count) as f64;
        let promised = 1.0 - confidence.alpha();
        assert!(covers(enough(confidence)) >= promised);
        assert!(covers(enough(confidence) - 1) < promised);
    }
}

/// Binomial arithmetic by another road: for 20 values the 95 % interval is from the 6th to the
/// 15th (a table of the sign test), for 100 from the 40th to the 61st.
#[test]
fn order_bounds_are_those_of_the_tables() {
    let to = |count: u32| (1..=count).map(f64::from).collect::<Vec<_>>();
    let twenty = median_interval(&to(20), Confidence::P95).unwrap();
    assert!(twenty.low <= 6.0 && twenty.high >= 15.0, "{twenty:?}");
    assert!(twenty.low >= 5.0 && twenty.high <= 16.0, "{twenty:?}");
    let hundred = median_interval(&to(100), Confidence::P95).unwrap();
    assert!(hundred.low <= 40.0 && hundred.high >= 61.0, "{hundred:?}");
    assert!(hundred.low >= 37.0 && hundred.high <= 64.0, "{hundred:?}");
    let many = median_interval(&to(2000), Confidence::P99).unwrap();
    assert!((900.0..960.0).contains(&many.low), "{many:?}");
}

/// The promise itself: of many intervals from noisy rounds, about 95 % cover the true median.
#[test]
fn intervals_cover_the_truth_as_often_as_promised() {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut skewed = || 1.0 - libm::log((random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0);
    let truth = 1.0 + core::f64::consts::LN_2;
    for count in [6, 9, 15] {
        let covers = (0..80)
            .filter(|_| {
                let sample: Vec<f64> = (0..count).map(|_| skewed()).collect();
                let interval = median_interval(&sample, Confidence::P95).unwrap();
                (interval.low..=interval.high).contains(&truth)
            })
            .count();
        assert!(covers >= 71, "{covers} of 80 with {count} rounds");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_interval_holds_its_median_and_is_reproducible(values in values()) {
        let interval = median_interval(&values, Confidence::P95).unwrap();
        prop_assert!(interval.low <= interval.median && interval.median <= interval.high);
        let mut reversed = values.clone();
        reversed.reverse();
        prop_assert_eq!(median_interval(&reversed, Confidence::P95), Some(interval));
        let strict = median_interval(&values, Confidence::P99).unwrap();
        prop_assert!(strict.low <= interval.low && interval.high <= strict.high);
    }

    #[test]
    fn percentiles_are_those_of_sorting(mut values in proptest::collection::vec(any::<u64>(), 1..200)) {
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let found = percentiles(&mut values, [0, 500, 900, 990, 1000]).unwrap();
        let rank = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        prop_assert_eq!(found, [rank(0), rank(50), rank(90), rank(99), rank(100)]);
    }

    #[test]
    fn the_median_of_a_resample_is_that_of_its_values(
        (mut sorted, places) in values().prop_flat_map(|values| {
            let count = values.len();
            (Just(values), proptest::collection::vec(0..count, count))
        }),
    ) {
        sorted.sort_unstable_by(f64::total_cmp);
        let mut drawn = alloc::vec![0; sorted.len()];
        places.iter().for_each(|&place| drawn[place] += 1);
        let resample: Vec<f64> = places.iter().map(|&place| sorted[place]).collect();
        prop_assert_eq!(Some(middle_of_drawn(&sorted, &drawn)), median(&resample));
    }
}

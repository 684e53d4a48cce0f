//! What it costs to count an attempt in the statistics of its server: two records in histograms.

use std::hint::black_box;
use std::time::{Duration, Instant};

#[path = "../src/stats/histogram.rs"]
#[allow(dead_code, reason = "only a part of it is measured")]
mod histogram;

use histogram::Histogram;

const ROUNDS: usize = 9;
const RECORDS: u32 = 2_000_000;

fn main() {
    // The servers of a fleet: more than the first cache holds.
    let mut histograms = vec![Histogram::default(); 1000];
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| round(&mut histograms)).collect();
    times.sort_by(f64::total_cmp);
    println!("{:.4} us per record, {} B per histogram", times[ROUNDS / 2], size_of::<Histogram>());
}

/// The time of one record, in microseconds.
fn round(histograms: &mut [Histogram]) -> f64 {
    let began = Instant::now();
    let mut random = 1_u32;
    for _ in 0..RECORDS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let histogram = &mut histograms[random as usize % 1000];
        histogram.record(black_box(Duration::from_nanos(u64::from(random))));
    }
    black_box(&histograms);
    began.elapsed().as_secs_f64() * 1e6 / f64::from(RECORDS)
}

//! A histogram: how long something took, how often. Knows nothing of rovers.

use std::time::Duration;

/// Each octave of microseconds is cut into so many buckets: a bucket is at most a quarter as wide as its lower bound.
const BUCKETS_PER_OCTAVE: u32 = 4;

/// From 4 us to 2^26 us, which is 67 s. What takes less or more is counted in the first or the last one.
pub const BUCKETS: usize = ((26 - FIRST_OCTAVE) * BUCKETS_PER_OCTAVE) as usize;

const FIRST_OCTAVE: u32 = 2;

/// How long something took, how often: a histogram with logarithmic buckets, at most [`BUCKETS`] of them.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// From `first` on, as far as there is anything in them: most servers need a few.
    buckets: Vec<u32>,
    first: usize,
    count: u64,
    /// In nanoseconds, as are the other two.
    sum: u64,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: Vec::new(), first: 0, count: 0, sum: 0, min: u64::MAX, max: 0 }
    }
}

/// What a histogram says, in milliseconds; zeros where nothing was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many were counted.
    pub count: f64,
    /// The shortest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The longest.
    pub max: f64,
    /// The median, within an eighth of it.
    pub p50: f64,
    /// The 90th percentile, likewise.
    pub p90: f64,
    /// The 99th percentile, likewise.
    pub p99: f64,
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, time: Duration) {
        let bucket = self.bucket_mut(bucket(time));
        *bucket = bucket.saturating_add(1);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.count += 1;
        self.sum = self.sum.saturating_add(nanos);
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    /// Sums up what was counted.
    pub fn summary(&self) -> Summary {
        if self.count == 0 {
            return Summary::default();
        }
        Summary {
            count: self.count as f64,
            min: milliseconds(self.min),
            mean: milliseconds(self.sum) / self.count as f64,
            max: milliseconds(self.max),
            p50: self.percentile(0.5),
            p90: self.percentile(0.9),
            p99: self.percentile(0.99),
        }
    }

    fn bucket_mut(&mut self, index: usize) -> &mut u32 {
        if self.buckets.is_empty() {
            self.first = index;
        }
        if index < self.first {
            self.buckets.splice(..0, std::iter::repeat_n(0, self.first - index));
            self.first = index;
        }
        let position = index - self.first;
        if position >= self.buckets.len() {
            self.buckets.reserve_exact(position + 1 - self.buckets.len());
            self.buckets.resize(position + 1, 0);
        }
        &mut self.buckets[position]
    }

    fn percentile(&self, fraction: f64) -> f64 {
        let rank = (self.count as f64 * fraction).ceil() as u64;
        let mut seen = 0;
        let index = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        });
        let (lower, upper) = bounds(self.first + index.unwrap_or(self.buckets.len() - 1));
        let middle = (lower + upper) / 2.0 / 1000.0;
        middle.clamp(milliseconds(self.min), milliseconds(self.max))
    }
}

fn bucket(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1 << FIRST_OCTAVE);
    let octave = micros.ilog2();
    // The two bits behind the first one.
    let part = (micros >> (octave - 2)) as u32 % BUCKETS_PER_OCTAVE;
    (((octave - FIRST_OCTAVE) * BUCKETS_PER_OCTAVE + part) as usize).min(BUCKETS - 1)
}

/// In microseconds.
fn bounds(bucket: usize) -> (f64, f64) {
    let octave = FIRST_OCTAVE + bucket as u32 / BUCKETS_PER_OCTAVE;
    let part = bucket as u32 % BUCKETS_PER_OCTAVE;
    let width = f64::from(1_u32 << octave) / f64::from(BUCKETS_PER_OCTAVE);
    let lower = f64::from(1_u32 << octave) + f64::from(part) * width;
    (lower, lower + width)
}

fn milliseconds(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_no_more_buckets_than_it_may_whatever_it_counts() {
        let mut histogram = Histogram::default();
        for micros in (0..28).map(|octave| 1 << octave).rev().chain([3, 70_000_000]) {
            histogram.record(Duration::from_micros(micros));
        }
        assert!(histogram.buckets.len() <= BUCKETS);
        assert_eq!(histogram.buckets.iter().sum::<u32>(), 30);
    }

    #[test]
    fn puts_each_time_into_a_bucket_that_holds_it() {
        for micros in (0..2000).chain((11..26).map(|octave| (1 << octave) + 12_345 % (1 << octave)))
        {
            let (lower, upper) = bounds(bucket(Duration::from_micros(micros)));
            let micros = (micros as f64).max(4.0);
            assert!(
                lower <= micros && micros < upper.max(lower + 1.0),
                "{micros}: {lower} {upper}"
            );
        }
        assert_eq!(bucket(Duration::from_secs(1000)), BUCKETS - 1);
    }

    #[test]
    fn sums_up_within_an_eighth() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.summary(), Summary::default());
        (1..=1000).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        let Summary { count, min, mean, max, p50, p90, p99 } = histogram.summary();
        assert_eq!((count, min, max), (1000.0, 1.0, 1000.0));
        assert!((mean - 500.5).abs() < 1e-6, "{mean}");
        for (found, expected) in [(p50, 500.0), (p90, 900.0), (p99, 990.0)] {
            assert!((found - expected).abs() <= expected / 8.0, "{found} for {expected}");
        }
    }

    #[test]
    fn says_the_only_time_there_is() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_millis(3));
        let Summary { min, p50, p99, max, .. } = histogram.summary();
        assert_eq!([min, p50, p99, max], [3.0; 4]);
    }
}

//! Gathering: when the failures of a fast rover are told.
//!
//! Nobody waits for the failures of a roving, and a thread that is woken for each of them spends most of its
//! time on waking up. Where they come thicker than [`PERIOD`], they are told together.

use std::time::Duration;

use tokio::time::Instant;

/// How long a failure may wait for others, besides the time to the next tick.
const PERIOD: Duration = Duration::from_millis(5);

/// What a roving knows of the failures that it holds back.
#[derive(Debug)]
pub struct Gathering {
    is_fast: bool,
    /// When failures were last told.
    told: Option<Instant>,
    holds_back: bool,
}

impl Gathering {
    /// For a roving with this interval. Nothing is ever held back of one that is not fast: no tick of it
    /// would come soon to tell it.
    pub fn new(interval: Duration) -> Self {
        Self { is_fast: interval < PERIOD, told: None, holds_back: false }
    }

    /// Whether a failure of this moment is held back; otherwise it is to be told now, with all others.
    pub fn holds_back(&mut self) -> bool {
        self.holds_back = self.is_fast && !self.is_time();
        if !self.holds_back {
            self.told = Some(Instant::now());
        }
        self.holds_back
    }

    /// Whether it is time to tell what is held back, if anything is; it counts as told then.
    pub fn is_due(&mut self) -> bool {
        self.is_time() && self.release()
    }

    /// Whether anything is held back; it counts as told from now on.
    pub fn release(&mut self) -> bool {
        let holds_back = std::mem::take(&mut self.holds_back);
        if holds_back {
            self.told = Some(Instant::now());
        }
        holds_back
    }

    fn is_time(&self) -> bool {
        self.told.is_none_or(|told| told.elapsed() >= PERIOD)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn holds_the_failures_of_a_fast_roving_back_until_its_period_is_over() {
        let mut gathering = Gathering::new(MILLISECOND);
        assert!(!gathering.holds_back());
        for _ in 1..5 {
            advance(MILLISECOND).await;
            assert!(gathering.holds_back());
            assert!(!gathering.is_due());
        }
        advance(MILLISECOND).await;
        assert!(gathering.is_due());
        assert!(!gathering.is_due());
        assert!(gathering.holds_back());
    }

    #[tokio::test(start_paused = true)]
    async fn holds_nothing_back_of_a_roving_that_takes_its_time() {
        let mut gathering = Gathering::new(PERIOD);
        assert!(!gathering.holds_back());
        assert!(!gathering.holds_back());
        assert!(!gathering.release());
    }

    #[tokio::test(start_paused = true)]
    async fn releases_what_it_holds_back_once() {
        let mut gathering = Gathering::new(MILLISECOND);
        assert!(!gathering.holds_back() && gathering.holds_back());
        assert!(gathering.release());
        assert!(!gathering.release());
    }
}

//! How names have answered lately.
//!
//! What they are for: names of which some do not answer, and how long a good one takes beside them. Measured in a
//! network namespace, with attempts that end after 10 s, and a rover over all of the names:
//!
//! | probes | not answering | with habits | without |
//! |---|---|---|---|
//! | yes | 20 of 30, or 1,000 | 6 ms | 11 ms |
//! | yes | 5, deceptive | 2 ms | 3 ms |
//! | yes | 10, deceptive | 4 ms, from the 15th second on | 1 to 5 s and more, for good |
//! | yes | 20 of 30, deceptive | 6 ms, from the 21st second on | 1 to 5 s and more, for good |
//! | no | 20 of 30, or 1,000; the good one has answered before | 4 ms | 1 to 5 s and more, 30 % of attempts fail |
//! | no | 20 of 30; the good one is new | 6 ms, from the 33rd second on | more than 5 s, for good |
//!
//! So Windows needs them, which has no probes. Elsewhere they are for what is silent in spite of its probe, as where a
//! firewall drops the longer messages of the system (`options edns0`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How a name has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// In time.
    Prompt,
    /// Late or not at all.
    Silent,
    /// Late or not at all, although its name server answers for it: something else on the way is silent.
    Deceptive,
}

impl Habit {
    /// For how long it is remembered.
    fn lifetime(self) -> Duration {
        match self {
            Self::Prompt => Duration::from_secs(600),
            Self::Silent | Self::Deceptive => Duration::from_secs(60),
        }
    }
}

/// So many names are remembered, and no longer ones: half a megabyte at most. A name server knows none that is longer.
const MAX_NAMES: usize = 2048;
const MAX_LENGTH: usize = 255;

/// The habits of the names that were looked up lately.
#[derive(Default)]
pub struct Habits(Mutex<HashMap<Arc<str>, (Habit, Instant)>>);

impl Habits {
    /// How a name has answered, if that is known.
    pub fn of(&self, name: &str) -> Option<Habit> {
        let (habit, noted) = *self.names().get(name)?;
        Some(habit).filter(|habit| noted.elapsed() < habit.lifetime())
    }

    /// Remembers how a name has answered.
    pub fn note(&self, name: &Arc<str>, habit: Habit) {
        if name.len() > MAX_LENGTH {
            return;
        }
        let mut names = self.names();
        if names.len() >= MAX_NAMES && !names.contains_key(name) {
            names.retain(|_, (habit, noted)| noted.elapsed() < habit.lifetime());
            if names.len() >= MAX_NAMES {
                // Rare, and what is forgotten is soon known again.
                names.clear();
            }
        }
        names.insert(Arc::clone(name), (habit, Instant::now()));
    }

    /// Remembers that a name has not answered in time; if it is known as deceptive it stays so.
    pub fn note_silence(&self, name: &Arc<str>) {
        if self.of(name) != Some(Habit::Deceptive) {
            self.note(name, Habit::Silent);
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<Arc<str>, (Habit, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn remembers_a_habit_for_a_while() {
        let (habits, name) = (Habits::default(), Arc::from("x"));
        assert_eq!(habits.of("x"), None);
        for habit in [Habit::Silent, Habit::Deceptive, Habit::Prompt] {
            habits.note(&name, habit);
            assert_eq!(habits.of("x"), Some(habit));
            advance(habit.lifetime()).await;
            assert_eq!(habits.of("x"), None);
        }
    }

    #[test]
    fn does_not_take_silence_for_less_than_deceit() {
        let (habits, name) = (Habits::default(), Arc::from("x"));
        for (before, after) in [
            (Habit::Prompt, Habit::Silent),
            (Habit::Silent, Habit::Silent),
            (Habit::Deceptive, Habit::Deceptive),
        ] {
            habits.note(&name, before);
            habits.note_silence(&name);
            assert_eq!(habits.of("x"), Some(after));
        }
    }

    #[test]
    fn remembers_a_bounded_number_of_names_of_bounded_length() {
        let habits = Habits::default();
        habits.note(&"x".repeat(MAX_LENGTH + 1).into(), Habit::Prompt);
        assert!(habits.names().is_empty());
        for n in 0..2 * MAX_NAMES {
            habits.note(&n.to_string().into(), Habit::Prompt);
            assert!(habits.names().len() <= MAX_NAMES);
        }
        let last = (2 * MAX_NAMES - 1).to_string();
        assert_eq!(habits.of(&last), Some(Habit::Prompt));
    }
}

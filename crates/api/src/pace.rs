//! How fast work goes, from its own reports: over the last seconds of what it does now, never over work that is behind it.
//!
//! It only counts; it must never make up a rate or an end from too little. A stall shows as a falling rate.

use engine::progress::Progress;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A rate is of so much of the past.
const WINDOW: Duration = Duration::from_secs(10);
/// Less than this says nothing.
const SHORTEST: Duration = Duration::from_secs(1);
/// Reports closer together than this are one.
const APART: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub struct Pace {
    title: String,
    reports: VecDeque<(Instant, u64)>,
}

impl Pace {
    pub fn note(&mut self, progress: &Progress, at: Instant) {
        let restarted = self.reports.back().is_some_and(|(_, done)| progress.done < *done);
        if restarted || self.title != progress.title {
            self.reports.clear();
            self.title.clone_from(&progress.title);
        }
        // The first one stays as it is: the rate is counted from it.
        if self.reports.len() > 1 && self.reports.iter().rev().nth(1).is_some_and(|(before, _)| at.duration_since(*before) < APART) {
            self.reports.pop_back();
        }
        self.reports.push_back((at, progress.done));
        while self.reports.len() > 2 && self.reports.get(1).is_some_and(|(next, _)| at.duration_since(*next) >= WINDOW) {
            self.reports.pop_front();
        }
    }

    /// Units a second; `None` while too little is known, and when nothing moves.
    pub fn per_second(&self, now: Instant) -> Option<u64> {
        let (since, before) = self.reports.front()?;
        let (_, done) = self.reports.back()?;
        let span = now.duration_since(*since);
        if span < SHORTEST {
            return None;
        }
        let rate = u128::from(done - before) * 1000 / span.as_millis().max(1);
        u64::try_from(rate).ok().filter(|rate| *rate > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(title: &str, done: u64) -> Progress {
        Progress { title: title.into(), done, total: Some(1_000_000), unit: "bytes" }
    }

    #[test]
    fn a_rate_is_of_what_is_done_now() {
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut pace = Pace::default();
        assert_eq!(pace.per_second(at(5000)), None, "nothing was reported");
        pace.note(&report("Copying", 0), at(0));
        assert_eq!(pace.per_second(at(900)), None, "too early to say");
        pace.note(&report("Copying", 50_000), at(500));
        pace.note(&report("Copying", 200_000), at(2000));
        assert_eq!(pace.per_second(at(2000)), Some(100_000));
        // Reading back begins at nothing again; the time of copying is behind it.
        pace.note(&report("Reading back", 0), at(60_000));
        assert_eq!(pace.per_second(at(60_500)), None);
        pace.note(&report("Reading back", 500_000), at(61_000));
        assert_eq!(pace.per_second(at(61_000)), Some(500_000));
    }

    #[test]
    fn a_stall_shows_and_old_speed_is_forgotten() {
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut pace = Pace::default();
        for second in 0..=5u64 {
            pace.note(&report("Copying", second * 1_000_000), at(second * 1000));
        }
        assert_eq!(pace.per_second(at(5000)), Some(1_000_000));
        assert_eq!(pace.per_second(at(50_000)), Some(100_000), "a stall is seen");
        for second in 50..=70u64 {
            pace.note(&report("Copying", 5_000_000 + (second - 49) * 1000), at(second * 1000));
        }
        let slow = pace.per_second(at(70_000)).expect("moves");
        assert!((900..=1100).contains(&slow), "{slow}");
        // A hundred reports a second neither grow the list nor change the rate.
        for step in 0..5000u64 {
            pace.note(&report("Copying", 6_000_000 + step * 10), at(71_000 + step * 10));
        }
        assert!(pace.reports.len() < 70, "{}", pace.reports.len());
    }
}

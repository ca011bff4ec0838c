//! The traits through which the engine reaches the world it does not own: time, ids, the browser.
//!
//! Each port has one real implementation and one for practice and tests. No business rule belongs here.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What time it is. The practice company has its own clock, which can jump days.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The computer's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that starts at a given instant and moves only when told. Shared by clones of the `Arc`.
pub struct PracticeClock {
    nanoseconds_since_start: AtomicI64,
    start: Timestamp,
}

impl PracticeClock {
    pub fn at(start: Timestamp) -> Arc<PracticeClock> {
        Arc::new(PracticeClock { nanoseconds_since_start: AtomicI64::new(0), start })
    }

    /// Sets the clock; going back is allowed because a restored practice company starts earlier again.
    pub fn set(&self, now: Timestamp) {
        let nanoseconds = now.duration_since(self.start).as_nanos();
        // Practice spans years at most; 292 years fit.
        self.nanoseconds_since_start.store(i64::try_from(nanoseconds).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for PracticeClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::from_nanos(self.nanoseconds_since_start.load(Ordering::SeqCst));
        self.start.checked_add(passed).unwrap_or(self.start)
    }
}

/// New ids that nobody can guess or collide with.
pub trait Ids: Send + Sync {
    /// `prefix` is for people only and is never parsed again.
    fn new_id(&self, prefix: &str) -> String;
}

/// Ids from the operating system's random source.
pub struct RandomIds;

impl Ids for RandomIds {
    fn new_id(&self, prefix: &str) -> String {
        let mut bytes = [0_u8; 8];
        // Without randomness nothing here is safe to do; stopping is the only right answer.
        #[allow(clippy::expect_used)]
        getrandom::fill(&mut bytes).expect("the operating system's random source must work");
        format!("{prefix}-{}", hex::encode(bytes))
    }
}

//! One record as Square shows it at any moment: a list of its states, each with the instant from which it is shown.
//!
//! A record must never show a state before its instant: that is what makes the practice clock honest.
//! A new kind of record needs nothing here.

use jiff::Timestamp;

#[derive(Debug, Clone)]
pub struct Record {
    pub id: String,
    pub created: Timestamp,
    /// For payout entries and orders: what they belong to. Empty for the others.
    pub parent: String,
    /// The word filters look at: a payment's, refund's or payout's status, a dispute's or order's state.
    states: Vec<State>,
}

#[derive(Debug, Clone)]
pub struct State {
    pub from: Timestamp,
    pub status: &'static str,
    /// The JSON object, written once so that the same seed gives the same bytes.
    pub text: Box<str>,
}

impl Record {
    pub fn new(id: String, created: Timestamp, parent: String) -> Record {
        Record {
            id,
            created,
            parent,
            states: Vec::new(),
        }
    }

    /// Adds the next state. One state a moment: a second one at the same instant replaces the first.
    pub fn add_state(&mut self, from: Timestamp, status: &'static str, value: &serde_json::Value) {
        let text = value.to_string().into_boxed_str();
        match self.states.last_mut() {
            Some(last) if last.from >= from => {
                *last = State {
                    from: last.from,
                    status,
                    text,
                }
            }
            Some(_) | None => self.states.push(State { from, status, text }),
        }
    }

    /// What is shown at `now`, or nothing when the record is not there yet.
    pub fn at(&self, now: Timestamp) -> Option<&State> {
        let count = self.states.partition_point(|state| state.from <= now);
        count.checked_sub(1).map(|last| &self.states[last])
    }

    pub fn states(&self) -> &[State] {
        &self.states
    }
}

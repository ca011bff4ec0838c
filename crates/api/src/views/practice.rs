//! Practice: make a practice company and choose a story.

use super::common::ProblemView;
use super::job::JobView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PracticeView {
    pub stories: Vec<StoryView>,
    pub companies: Vec<PracticeCompanyView>,
    /// The making of one, while it runs.
    pub job: Option<JobView>,
    pub problem: Option<ProblemView>,
}

/// The page has words for every known story and shows `title` and `text` for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StoryView {
    pub id: String,
    pub title: String,
    pub text: String,
    pub ends_well: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PracticeCompanyView {
    pub company: String,
    pub name: String,
    pub story: String,
    /// A seed is up to 64 bits: text.
    pub seed: String,
    pub made: String,
    /// The practice clock.
    pub now: String,
    pub servers_running: bool,
    pub payments: u32,
}

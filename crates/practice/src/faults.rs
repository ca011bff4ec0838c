//! What can go wrong at the practice servers, on request.
//!
//! Every fault is countable and repeatable: "every n-th request", "the next n sign-ins", never "now and then".
//! A fault must never change what happened at the bakery, only how it is told. A new fault is one field here and one
//! question in `square::serve` or `oauth`.

use serde::{Deserialize, Serialize};

/// How a "too many requests" answer says when to come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfter {
    Seconds(u32),
    /// An HTTP date this many seconds from the real clock's now.
    Date(u32),
    #[default]
    Absent,
}

/// All zero: nothing goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every answer of the API comes this much later.
    pub delay_ms: u64,
    /// Every n-th API request is answered 429; 0 is never. The same for the other `_every`.
    pub rate_limit_every: u32,
    pub retry_after: RetryAfter,
    pub server_error_every: u32,
    /// The connection is cut in the middle of the answer.
    pub cut_every: u32,
    /// A page that has one before it repeats the records of that one; nothing is lost.
    pub duplicate_page_every: u32,
    /// A page of HTML with status 200 instead of the answer, as hotel networks do.
    pub captive_portal_every: u32,
    /// Requests with the newest Square-Version do not see every n-th refund.
    pub drop_refunds_every: u32,
    /// The next n sign-ins after the first land at another company.
    pub wrong_company_times: u32,
    /// The next n sign-ins after the first are refused.
    pub refuse_consent_times: u32,
    /// The next n sign-ins after the first get all permissions but one.
    pub fewer_permissions_times: u32,
    /// The next n answers of the token endpoint are lost after the token was rotated.
    pub lose_token_answers: u32,
}

impl Faults {
    pub fn none() -> Faults {
        Faults::default()
    }
}

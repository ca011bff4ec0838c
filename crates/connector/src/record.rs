//! One raw object of a processor, kept as received.
//!
//! It must never be changed after it was received: rules read a converted copy (`convert.rs`). A
//! new fact about every record (not one processor's field) goes here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One row of a stream, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The package's stream: "payments", "refunds" …
    pub stream: String,
    /// The processor's own id of the row.
    pub id: String,
    /// When it happened at the processor. The start of 1970 where a look-up row carries no instant.
    pub instant: Timestamp,
    /// When it last changed at the processor.
    pub updated: Timestamp,
    /// The row it belongs to (the payout of a payout entry).
    pub parent: Option<String>,
    pub body: serde_json::Value,
}

//! One raw object of a processor, kept as received.
//!
//! What is stored must never be changed after it was received: rules read a converted copy (`convert.rs`). A
//! new fact about every record (not one processor's field) goes here.

use crate::package::Package;
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

impl Record {
    /// Leaves of the body only what the package's other streams are asked for by, for records that are needed as parents and
    /// no longer for themselves.
    pub fn keep_what_children_need(&mut self, package: &Package) {
        let wanted = package.streams.iter().filter_map(|stream| stream.source.parents.as_ref()).flat_map(|parents| &parents.of);
        let mut kept = serde_json::Value::Null;
        for (_, path) in wanted.filter(|(stream, _)| *stream == self.stream) {
            let found = path.iter().try_fold(&self.body, |value, name| value.get(name));
            if let Some(found) = found {
                let place = path.iter().fold(&mut kept, |value, name| &mut value[name.as_str()]);
                *place = found.clone();
            }
        }
        self.body = kept;
    }
}

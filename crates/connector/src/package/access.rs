//! A package that reads nothing: it says which permissions the access to a provider is kept for, and no more.
//!
//! For providers whose payments no connector reads yet, so that their sign-ins can be made, watched and renewed all the
//! same. It must never post: it has no stream, so there is nothing that a rule could be about.

use super::{KeyRules, Package, PermissionNeed};
use std::collections::BTreeSet;

/// The name that all such packages share; the version is the provider's name.
pub const ACCESS_ONLY: &str = "access-only";

impl Package {
    /// `permissions` as the provider calls them, each with what it is for.
    pub fn access_only(provider: &str, title: &str, permissions: impl IntoIterator<Item = (String, String)>) -> Package {
        Package {
            name: ACCESS_ONLY.to_string(),
            version: provider.to_string(),
            title: format!("{title}, access only"),
            provider: provider.to_string(),
            api_version: String::new(),
            api_header: None,
            permissions: permissions
                .into_iter()
                .map(|(permission, why)| PermissionNeed { permission, streams: Vec::new(), why })
                .collect(),
            streams: Vec::new(),
            breaking_changes: Vec::new(),
            supersedes: None,
            roles: BTreeSet::new(),
            file: String::new(),
            key_rules: KeyRules::default(),
        }
    }

    /// Whether it only keeps access, and reads nothing.
    pub fn is_access_only(&self) -> bool {
        self.name == ACCESS_ONLY
    }
}

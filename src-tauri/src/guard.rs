//! Where the window may go. Which addresses the browser may be sent to stands in `api::host`.
//!
//! The page never leaves the app's own origin; it must never be given a remote one.

use tauri::Url;

/// The app's own pages: `tauri://localhost`, on Windows `http://tauri.localhost`.
pub fn is_our_page(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) => true,
        ("http" | "https", Some("tauri.localhost")) => url.port().is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_never_leaves_its_own_pages() {
        for (address, ours) in [
            ("tauri://localhost/index.html#/today", true),
            ("http://tauri.localhost/", true),
            ("http://tauri.localhost:8080/", false),
            ("https://tauri.localhost.evil.example/", false),
            ("https://evil.example/", false),
            ("file:///etc/passwd", false),
            ("data:text/html,x", false),
            ("javascript:alert(1)", false),
            ("http://127.0.0.1:3000/", false),
        ] {
            assert_eq!(Url::parse(address).is_ok_and(|url| is_our_page(&url)), ours, "{address}");
        }
    }

    /// The one capability file grants exactly the table, hearing of changes, and nothing else.
    #[test]
    fn the_window_may_call_every_command_of_the_table_and_no_other() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/capabilities/main.json")).unwrap();
        let capability: serde_json::Value = serde_json::from_str(&text).unwrap();
        let granted: Vec<String> = capability["permissions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        let mut expected = vec!["core:event:allow-listen".to_owned(), "core:event:allow-unlisten".to_owned()];
        expected.extend(api::commands::names().iter().map(|name| format!("allow-{}", name.replace('_', "-"))));
        assert_eq!(granted, expected);
        assert_eq!(capability["windows"], serde_json::json!(["main"]));
        assert!(capability.get("remote").is_none(), "no remote page may call a command");
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/capabilities")).unwrap().count();
        assert_eq!(files, 1, "one capability file");
    }

    #[test]
    fn the_content_security_policy_starts_from_nothing() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tauri.conf.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let security = &config["app"]["security"];
        let csp = security["csp"].as_str().unwrap();
        assert!(csp.starts_with("default-src 'none';"));
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(security["freezePrototype"], true);
        assert!(security.get("dangerousDisableAssetCspModification").is_none());
        assert_eq!(config["app"]["withGlobalTauri"], false);
    }
}

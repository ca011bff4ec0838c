//! A scripted browser: a person who opens the sign-in page and presses Allow or Deny.
//!
//! It reads the page and posts its form like a browser would, so the page itself is tested; it must never talk to the
//! token endpoint. Loopback only. A new kind of answer is one variant of `Consent`.

use std::time::Duration;

use reqwest::header::LOCATION;
use url::{Url, form_urlencoded};

/// What the person answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    Allow,
    Deny,
    /// Only these permissions stay ticked.
    AllowFewer(Vec<String>),
    /// Allowed, but as the other company the browser knows.
    OtherMerchant,
}

/// After the answer, at most this many steps until the listener's last page.
const STEPS: usize = 5;

pub(crate) fn browser() -> Result<reqwest::Client, String> {
    // A second installation is refused, which is fine: then there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|problem| format!("The scripted browser could not be made: {problem}"))
}

/// The value of an attribute in a tag; the practice page writes attributes with double quotes only.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
    let value = &tag[start..];
    let value = &value[..value.find('"')?];
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

struct Form {
    request: String,
    /// Company and whether it is chosen.
    companies: Vec<(String, bool)>,
    permissions: Vec<String>,
}

fn read_form(page: &str) -> Result<Form, String> {
    let mut form = Form {
        request: String::new(),
        companies: Vec::new(),
        permissions: Vec::new(),
    };
    for part in page.split("<input ").skip(1) {
        let tag = &part[..part.find('>').unwrap_or(part.len())];
        let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) else {
            continue;
        };
        let checked = tag.ends_with(" checked");
        match name.as_str() {
            "request" => form.request = value,
            "company" => form.companies.push((value, checked)),
            "permission" if checked => form.permissions.push(value),
            _ => {}
        }
    }
    if form.request.is_empty() {
        return Err("The page is not a sign-in page: it has no request to answer.".into());
    }
    Ok(form)
}

/// Opens the sign-in page, answers, and follows the way back to the program's listener.
///
/// Errors when the page cannot be opened or is no sign-in page, or when the listener does not take the answer.
pub async fn consent(authorize_url: &str, answer: Consent) -> Result<(), String> {
    let address = Url::parse(authorize_url).map_err(|problem| format!("The sign-in address cannot be read: {problem}"))?;
    if address.host_str() != Some("127.0.0.1") {
        return Err("The scripted browser opens addresses on this computer only.".into());
    }
    let client = browser()?;
    let opened = client
        .get(address.clone())
        .header("sec-fetch-mode", "navigate")
        .send()
        .await
        .map_err(|problem| format!("The sign-in page cannot be opened: {}", problem.without_url()))?;
    if let Some(next) = opened.headers().get(LOCATION).and_then(|value| value.to_str().ok()) {
        // A request that is wrong is sent back at once, before anybody is asked.
        let next = address.join(next).map_err(|problem| problem.to_string())?;
        return follow(&client, next).await;
    }
    let status = opened.status();
    let page = opened
        .text()
        .await
        .map_err(|problem| format!("The sign-in page breaks off: {}", problem.without_url()))?;
    if !status.is_success() {
        return Err(format!("The sign-in page was refused with status {status}."));
    }
    let form = read_form(&page)?;
    let target = address.join("/oauth2/authorize").map_err(|problem| problem.to_string())?;
    let answered = client
        .post(target.clone())
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-mode", "navigate")
        .body(fill_in(&form, &answer))
        .send()
        .await
        .map_err(|problem| format!("The answer cannot be sent: {}", problem.without_url()))?;
    let next = answered
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| format!("The sign-in page answered with status {} and sent nobody on.", answered.status()))?;
    let next = target.join(next).map_err(|problem| problem.to_string())?;
    follow(&client, next).await
}

fn fill_in(form: &Form, answer: &Consent) -> String {
    let chosen = |other: bool| {
        form.companies
            .iter()
            .find(|(_, checked)| *checked != other)
            .map(|(id, _)| id.as_str())
    };
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("request", &form.request);
    let company = chosen(*answer == Consent::OtherMerchant);
    if let Some(company) = company {
        body.append_pair("company", company);
    }
    let kept: &[String] = match answer {
        Consent::Allow | Consent::Deny | Consent::OtherMerchant => &form.permissions,
        Consent::AllowFewer(kept) => kept,
    };
    for permission in form.permissions.iter().filter(|permission| kept.contains(permission)) {
        body.append_pair("permission", permission);
    }
    body.append_pair("answer", if *answer == Consent::Deny { "deny" } else { "allow" });
    body.finish()
}

async fn follow(client: &reqwest::Client, mut address: Url) -> Result<(), String> {
    for _ in 0..STEPS {
        let response = client
            .get(address.clone())
            .header("sec-fetch-mode", "navigate")
            .send()
            .await
            .map_err(|problem| format!("The program's listener does not answer: {}", problem.without_url()))?;
        let status = response.status();
        match response.headers().get(LOCATION).and_then(|value| value.to_str().ok()) {
            Some(next) if status.is_redirection() => {
                address = address.join(next).map_err(|problem| problem.to_string())?;
            }
            Some(_) | None if status.is_success() => return Ok(()),
            Some(_) | None => return Err(format!("The program's listener answered with status {status}.")),
        }
    }
    Err("The way back to the program has too many turns.".into())
}

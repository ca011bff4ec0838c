//! Reading what the browser brought back: the query of the callback address, or a pasted address.
//!
//! Nothing from outside is passed on except the code itself, and that only when the state is ours. Text such as
//! `error_description` is never kept. Doubled, empty or contradicting parameters are refused, and a refused
//! answer does not end the sign-in: any page on this computer can knock at the listener.

use crate::endpoints::{Endpoints, same_origin};
use oauth2::AuthorizationCode;
use url::Url;

/// The longest accepted value; codes are well below it.
const VALUE_MAX: usize = 4096;

/// An answer that carries our state.
pub(crate) enum Answer {
    Code(AuthorizationCode, Beside),
    /// The person, or the provider, said no.
    Declined,
    /// Another error of RFC 6749 §4.1.2.1, by its name there.
    Failed(&'static str),
}

/// Parameters that a provider added of its own. Nobody signs them: they are claims, to be proved before they mean anything.
#[derive(Default)]
pub(crate) struct Beside(Vec<(String, String)>);

impl Beside {
    /// The one value of a parameter; doubled is as good as absent, because nobody can tell which is meant.
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        found.next().filter(|value| !value.is_empty() && found.next().is_none())
    }
}

/// More than any provider adds.
const BESIDE_MAX: usize = 16;

/// Why an answer was not taken. Constant texts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not our state: another sign-in's answer, or a forgery.
    OtherState,
    Malformed,
    /// The `iss` parameter names another server, or is missing where it never is.
    OtherIssuer,
}

/// Errors that a provider may report, with what they mean.
const ERRORS: &[&str] = &[
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
];

/// Who must have sent the answer (RFC 9207).
#[derive(Debug, Clone)]
pub(crate) enum Issuer {
    /// The provider is known to name itself: `iss` is always there, and is this to the letter.
    Stated(String),
    /// It is not known to: `iss` may be missing, and otherwise comes from where this page is.
    OriginOf(Url),
}

impl Issuer {
    pub fn of(endpoints: &Endpoints) -> Option<Issuer> {
        match &endpoints.issuer {
            Some(stated) => Some(Issuer::Stated(stated.clone())),
            None => endpoints.authorize.clone().map(Issuer::OriginOf),
        }
    }

    fn is(&self, told: Option<&str>) -> bool {
        match (self, told) {
            (Issuer::Stated(stated), told) => told == Some(stated),
            (Issuer::OriginOf(_), None) => true,
            (Issuer::OriginOf(page), Some(told)) => Url::parse(told).is_ok_and(|told| same_origin(&told, page)),
        }
    }
}

pub(crate) fn read(query: &str, state: &str, by: &Issuer) -> Result<Answer, Refused> {
    let mut found: [Option<String>; 4] = [const { None }; 4];
    let mut beside = Beside::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let slot = match name.as_ref() {
            "code" => 0,
            "state" => 1,
            "error" => 2,
            "iss" => 3,
            // Providers add parameters of their own (`response_type`, `error_description`, `realmId`).
            other => {
                if beside.0.len() < BESIDE_MAX && value.len() <= VALUE_MAX {
                    beside.0.push((other.to_string(), value.into_owned()));
                }
                continue;
            }
        };
        if found[slot].is_some() || value.is_empty() || value.len() > VALUE_MAX {
            return Err(Refused::Malformed);
        }
        found[slot] = Some(value.into_owned());
    }
    let [code, given_state, error, issuer] = found;
    let Some(given_state) = given_state else {
        return Err(Refused::Malformed);
    };
    if !same(&given_state, state) {
        return Err(Refused::OtherState);
    }
    if !by.is(issuer.as_deref()) {
        return Err(Refused::OtherIssuer);
    }
    match (code, error) {
        (Some(code), None) => Ok(Answer::Code(AuthorizationCode::new(code), beside)),
        (None, Some(error)) if error == "access_denied" => Ok(Answer::Declined),
        (None, Some(error)) => Ok(Answer::Failed(
            ERRORS
                .iter()
                .copied()
                .find(|known| *known == error)
                .unwrap_or("an error of its own"),
        )),
        (Some(_), Some(_)) | (None, None) => Err(Refused::Malformed),
    }
}

/// Compares in a time that depends on the lengths only.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0u8, |different, (x, y)| different | (x ^ y)) == 0
}

/// A pasted address must be the page that the provider was told to send the browser to.
pub(crate) fn read_pasted(pasted: &str, redirect: &Url, state: &str, by: &Issuer) -> Result<Answer, Refused> {
    let pasted = Url::parse(pasted.trim()).map_err(|_| Refused::Malformed)?;
    if !same_origin(&pasted, redirect) || pasted.path() != redirect.path() {
        return Err(Refused::Malformed);
    }
    read(pasted.query().unwrap_or(""), state, by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &str) {
        check_by(&Issuer::OriginOf(Url::parse("https://pay.example/oauth2/authorize").unwrap()), query, expected);
    }

    fn check_by(by: &Issuer, query: &str, expected: &str) {
        let got = match read(query, "right", by) {
            Ok(Answer::Code(code, _)) => format!("code {}", code.secret()),
            Ok(Answer::Declined) => "declined".into(),
            Ok(Answer::Failed(name)) => format!("failed {name}"),
            Err(refused) => format!("{refused:?}"),
        };
        assert_eq!(got, expected, "{query}");
    }

    #[test]
    fn doubled_missing_empty_or_contradicting_parameters_are_refused() {
        check("code=abc&state=right&response_type=code", "code abc");
        check("state=right&code=a%20b", "code a b");
        check("code=abc&state=wrong", "OtherState");
        check("code=abc&state=RIGHT", "OtherState");
        check("code=abc", "Malformed");
        check("state=right", "Malformed");
        check("code=&state=right", "Malformed");
        check("code=a&code=a&state=right", "Malformed");
        check("code=a&state=right&state=right", "Malformed");
        check("code=a&error=access_denied&state=right", "Malformed");
        check("error=access_denied&state=wrong", "OtherState");
        check("", "Malformed");
        check(&format!("code={}&state=right", "x".repeat(5000)), "Malformed");
    }

    #[test]
    fn a_refusal_is_told_by_its_name_and_unknown_errors_are_not_repeated() {
        check("error=access_denied&error_description=user_denied&state=right", "declined");
        check("error=invalid_scope&state=right", "failed invalid_scope");
        check("error=%3Cscript%3E&state=right", "failed an error of its own");
    }

    #[test]
    fn another_issuer_is_refused() {
        check("code=a&state=right&iss=https%3A%2F%2Fpay.example", "code a");
        check("code=a&state=right&iss=https%3A%2F%2Fpay.example.evil", "OtherIssuer");
        check("code=a&state=right&iss=http%3A%2F%2Fpay.example", "OtherIssuer");
        check("error=access_denied&state=right&iss=nonsense", "OtherIssuer");
    }

    #[test]
    fn an_issuer_that_is_always_named_must_be_there_and_be_the_same_to_the_letter() {
        let by = Issuer::Stated("https://pay.example/a".into());
        let told = |issuer: &str, expected: &str| check_by(&by, &format!("code=a&state=right&iss={issuer}"), expected);
        told("https%3A%2F%2Fpay.example%2Fa", "code a");
        check_by(&by, "error=access_denied&state=right&iss=https%3A%2F%2Fpay.example%2Fa", "declined");
        for other in ["https%3A%2F%2Fpay.example%2Fa%2F", "https%3A%2F%2FPAY.example%2Fa", "https%3A%2F%2Fpay.example%2FA", "https%3A%2F%2Fpay.example", "https%3A%2F%2Fpay.example%3A443%2Fa"] {
            told(other, "OtherIssuer");
        }
        check_by(&by, "code=a&state=right", "OtherIssuer");
        check_by(&by, "error=access_denied&state=right", "OtherIssuer");
    }
}

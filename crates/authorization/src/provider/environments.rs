//! Checks a provider's environments: addresses, the hosts they may be on, redirects and regions.
//!
//! Whatever is sent anywhere is sent to one of a short list of hosts per environment, so that neither a slip in a file
//! nor a sandbox's address among production's can carry a token elsewhere.

use super::check::RESERVED;
use super::facts::*;
use super::file::*;
use super::findings::Findings;
use crate::endpoints::{DataCenter, Endpoints, Environment, Redirect, same_origin};
use crate::problems::shown;
use std::collections::BTreeSet;
use toml::Spanned;
use url::Url;

/// Ports below need rights that a desktop program does not have.
const FIRST_PORT: u16 = 1024;

pub(super) fn environments(
    files: Vec<Spanned<EnvironmentFile>>,
    kind: CredentialKind,
    revoke: RevocationKind,
    findings: &mut Findings<'_>,
) -> Vec<Endpoints> {
    let mut list: Vec<Endpoints> = Vec::new();
    if files.is_empty() {
        findings.at(0, "no environment");
    }
    for file in files {
        let at = file.span().start;
        let name = file.get_ref().name.clone();
        let found = environment(file, kind, revoke, findings);
        if let Some(found) = found {
            if list.iter().any(|known| known.environment == found.environment) {
                findings.at(at, format!("the environment {} stands here twice", name.get_ref()));
            }
            list.push(found);
        }
    }
    list
}

fn environment(
    file: Spanned<EnvironmentFile>,
    kind: CredentialKind,
    revoke: RevocationKind,
    findings: &mut Findings<'_>,
) -> Option<Endpoints> {
    let at = file.span().start;
    let file = file.into_inner();
    let environment = match Environment::from_name(file.name.get_ref()) {
        Some(environment @ (Environment::Production | Environment::Sandbox)) => Some(environment),
        Some(Environment::Practice) | None => {
            findings.at(file.name.span().start, "environment: production or sandbox");
            None
        }
    };
    match kind.has_sign_in() {
        true => {
            findings.needed(at, kind, "environment.authorize", file.authorize.as_ref());
            if file.redirects.is_empty() {
                findings.at(at, format!("environment.redirects: {} needs it", kind.name()));
            }
        }
        false => {
            findings.unused(kind, "environment.authorize", &file.authorize);
            findings.unused(kind, "environment.iss", &file.iss);
            if let Some(redirect) = file.redirects.first() {
                findings.at(
                    redirect.span().start,
                    format!("environment.redirects: has no meaning for {}", kind.name()),
                );
            }
        }
    }
    match kind.has_token_endpoint() {
        true => drop(findings.needed(at, kind, "environment.token", file.token.as_ref())),
        false => findings.unused(kind, "environment.token", &file.token),
    }
    match revoke {
        RevocationKind::Rfc7009 | RevocationKind::Delete if file.revoke.is_none() => {
            findings.at(at, "environment.revoke: this kind of revocation needs it");
        }
        RevocationKind::None if file.revoke.is_some() => findings.at(at, "environment.revoke: has no meaning without a revocation"),
        RevocationKind::Rfc7009 | RevocationKind::Delete | RevocationKind::NeedsSecret | RevocationKind::None => {}
    }
    for (name, value) in &file.extra {
        if RESERVED.contains(&name.as_str()) {
            findings.at(
                value.span().start,
                format!("extra: {name} belongs to the protocol and cannot be set"),
            );
        }
    }
    if let Some(livemode) = &file.livemode {
        findings.path(livemode.span().start, "livemode.path", &livemode.get_ref().path);
        findings.pointer(livemode.span().start, "livemode.pointer", &livemode.get_ref().pointer);
    }
    let redirects = redirects(file.redirects, findings);
    let (authorize, token) = (findings.optional_url(&file.authorize), findings.optional_url(&file.token));
    let (status, revoke) = (findings.optional_url(&file.status), findings.optional_url(&file.revoke));
    if let (Some(file), Some(Some(url))) = (&file.iss, findings.optional_url(&file.iss))
        && (url.query().is_some() || url.fragment().is_some())
    {
        findings.at(file.span().start, "iss: an address without a query");
    }
    let api_base = findings.url(&file.api_base);
    if api_base.as_ref().is_some_and(|url| url.path() != "/" || url.query().is_some()) {
        findings.at(
            file.api_base.span().start,
            "api_base: scheme and host only; paths stand where they are used",
        );
    }
    let found = Endpoints {
        environment: environment?,
        authorize: authorize?,
        token: token?,
        status: status?,
        revoke: revoke?,
        issuer: file.iss.map(Spanned::into_inner),
        api_base: api_base?,
        hosts: file.hosts.get_ref().clone(),
        redirect: redirects.first().cloned().unwrap_or(Redirect::Paste { address: None }),
        redirects,
        extra: file.extra.into_iter().map(|(name, value)| (name, value.into_inner())).collect(),
        api_query: file.api_query.into_iter().collect(),
        key_prefixes: file.key_prefixes,
        livemode: file.livemode.map(Spanned::into_inner),
        data_centers: Vec::new(),
    };
    let given = [
        (file.authorize.as_ref(), &found.authorize),
        (file.token.as_ref(), &found.token),
        (file.status.as_ref(), &found.status),
        (file.revoke.as_ref(), &found.revoke),
        (Some(&file.api_base), &Some(found.api_base.clone())),
    ];
    let mut used = BTreeSet::new();
    for (file, url) in given {
        if let (Some(file), Some(url)) = (file, url) {
            used.extend(allowed(&found, file, url, findings));
        }
    }
    let mut data_centers: Vec<DataCenter> = Vec::new();
    for center in file.data_center {
        let (name, accounts) = (center.get_ref().name.span().start, center.get_ref().accounts.span().start);
        let Some(center) = data_center(&found, center, &mut used, findings) else { continue };
        if data_centers.iter().any(|other| other.name == center.name) {
            findings.at(name, format!("data_center: {} stands here twice", shown(&center.name)));
        }
        if data_centers.iter().any(|other| same_origin(&other.accounts, &center.accounts)) {
            findings.at(accounts, format!("data_center: {} stands here twice", shown(center.accounts.as_str())));
        }
        data_centers.push(center);
    }
    for host in found.hosts.iter().filter(|host| !used.contains(*host)) {
        findings.at(file.hosts.span().start, format!("hosts: nothing here is on {}", shown(host)));
    }
    if let Some(first) = data_centers.first()
        && (found.authorize.as_ref().is_none_or(|url| !same_origin(url, &first.accounts)) || !same_origin(&found.api_base, &first.api_base))
    {
        findings.at(at, "data_center: the addresses of the environment are those of the first one");
    }
    Some(Endpoints { data_centers, ..found })
}

/// The host of an address, if it may be used here.
fn allowed(here: &Endpoints, file: &Spanned<String>, url: &Url, findings: &mut Findings<'_>) -> Option<String> {
    let host = url.host_str()?.to_string();
    if here.allows(url) {
        return Some(host);
    }
    findings.at(
        file.span().start,
        format!("the host {} is not among this environment's hosts", shown(&host)),
    );
    None
}

fn data_center(
    here: &Endpoints,
    file: Spanned<DataCenterFile>,
    used: &mut BTreeSet<String>,
    findings: &mut Findings<'_>,
) -> Option<DataCenter> {
    let at = file.span().start;
    let file = file.into_inner();
    findings.said(at, "data_center.name", file.name.get_ref());
    let (accounts, api_base) = (findings.url(&file.accounts), findings.url(&file.api_base));
    let (accounts, api_base) = (accounts?, api_base?);
    used.extend(allowed(here, &file.accounts, &accounts, findings));
    used.extend(allowed(here, &file.api_base, &api_base, findings));
    Some(DataCenter {
        name: file.name.into_inner(),
        accounts,
        api_base,
    })
}

fn redirects(files: Vec<Spanned<RedirectFile>>, findings: &mut Findings<'_>) -> Vec<Redirect> {
    let mut list = Vec::new();
    for file in files {
        let at = file.span().start;
        let redirect = match file.into_inner() {
            RedirectFile::Loopback { host, ports } => {
                let different: BTreeSet<_> = ports.iter().collect();
                if different.len() != ports.len() || ports.iter().any(|port| *port < FIRST_PORT) {
                    findings.at(at, format!("redirects: different ports, from {FIRST_PORT} on"));
                }
                Redirect::Loopback { host, ports }
            }
            RedirectFile::Paste {} => Redirect::Paste { address: None },
        };
        if list.contains(&redirect) {
            findings.at(at, "redirects: stands here twice");
        }
        list.push(redirect);
    }
    list
}

pub(super) fn sandbox(environments: &[Endpoints], without: Option<&Spanned<String>>, findings: &mut Findings<'_>) {
    let has = |wanted: Environment| environments.iter().any(|e| e.environment == wanted);
    if !has(Environment::Production) {
        findings.at(0, "the environment production is missing");
    }
    match without {
        Some(why) if has(Environment::Sandbox) => findings.at(why.span().start, "without_sandbox: there is one"),
        Some(why) => findings.said(why.span().start, "without_sandbox", why.get_ref()),
        None if has(Environment::Sandbox) => {}
        None => findings.at(0, "the environment sandbox is missing, and without_sandbox does not say why"),
    }
}

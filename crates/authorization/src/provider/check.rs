//! Turns a file into a [`Provider`], or into every fault it has, each with file, line and reason.
//!
//! Nothing is guessed and nothing is repaired. What a kind of credential needs must stand there; what has no meaning for
//! it may not, because a fact that nobody reads is a fact that nobody corrects.

use super::Provider;
use super::environments::{environments, sandbox};
use super::facts::*;
use super::file::*;
use super::findings::Findings;
use crate::endpoints::Endpoints;
use crate::problems::shown;
use std::collections::BTreeMap;
use toml::Spanned;

/// Parameters that belong to the protocol; a file may not set or replace them.
pub(super) const RESERVED: &[&str] = &[
    "client_id",
    "client_secret",
    "code",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

impl CredentialKind {
    pub(super) fn has_sign_in(self) -> bool {
        match self {
            CredentialKind::OauthPkce | CredentialKind::OauthOwnApp => true,
            CredentialKind::ApiKey | CredentialKind::ClientCredentials => false,
        }
    }

    pub(super) fn has_token_endpoint(self) -> bool {
        match self {
            CredentialKind::OauthPkce | CredentialKind::OauthOwnApp | CredentialKind::ClientCredentials => true,
            CredentialKind::ApiKey => false,
        }
    }

    fn holds_a_secret(self) -> bool {
        match self {
            CredentialKind::OauthOwnApp | CredentialKind::ClientCredentials => true,
            CredentialKind::OauthPkce | CredentialKind::ApiKey => false,
        }
    }
}

pub(super) fn checked(file: File, findings: &mut Findings<'_>) -> Option<Provider> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if file.name.get_ref().is_empty() || !file.name.get_ref().chars().all(plain) {
        findings.at(file.name.span().start, "name: lower-case letters, digits and hyphens only");
    }
    findings.said(file.title.span().start, "title", file.title.get_ref());
    let checked = file.checked.get_ref().parse::<jiff::civil::Date>();
    if checked.is_err() {
        findings.at(file.checked.span().start, "checked: not a date like 2026-11-23");
    }
    let kind = file.credential.get_ref().kind;
    let revoke = file.revocation.get_ref().kind;
    let before = findings.list.len();
    let environments = environments(file.environment, kind, revoke, findings);
    if findings.list.len() == before {
        // Otherwise one may only seem to be missing.
        sandbox(&environments, file.without_sandbox.as_ref(), findings);
    }
    let scopes = file.credential.get_ref().scopes.as_ref().map(|s| *s.get_ref());
    let credential = credential(file.credential, file.refresh, file.key, findings);
    let permissions = permissions(file.permission, kind, findings);
    no_permissions(&permissions, scopes, kind, file.without_permissions.as_ref(), findings);
    let retiring = retiring(file.retiring, &permissions, findings);
    api(&file.api, findings);
    identity(&file.identity, &permissions, &file.redirect_parameter, findings);
    let parameters = parameters(file.redirect_parameter, kind, &environments, findings);
    if let Some(status) = &file.status {
        let (at, s) = (status.span().start, status.get_ref());
        for (name, value) in [
            ("status.scopes", &s.scopes),
            ("status.tenant", &s.tenant),
            ("status.client", &s.client),
        ] {
            findings.pointer(at, name, value);
        }
    }
    let revocation = revocation(file.revocation, kind, &environments, findings);
    limits(&file.limits, findings);
    guide(&file.guide, findings);
    for deadline in &file.deadline {
        let (at, d) = (deadline.span().start, deadline.get_ref());
        findings.said(at, "deadline.what", &d.what);
        findings.said(at, "deadline.source", &d.source);
    }
    for unverified in &file.unverified {
        let (at, u) = (unverified.span().start, unverified.get_ref());
        findings.said(at, "unverified.fact", &u.fact);
        findings.said(at, "unverified.source", &u.source);
    }
    Some(Provider {
        name: file.name.into_inner(),
        title: file.title.into_inner(),
        checked: checked.ok()?,
        credential: credential?,
        api: file.api.into_inner(),
        identity: file.identity.into_inner(),
        status: file.status.map(Spanned::into_inner),
        parameters,
        revocation,
        limits: file.limits.into_inner(),
        permissions,
        without_permissions: file.without_permissions.map(Spanned::into_inner),
        retiring,
        guide: file.guide.into_inner(),
        without_sandbox: file.without_sandbox.map(Spanned::into_inner),
        deadlines: file.deadline.into_iter().map(Spanned::into_inner).collect(),
        unverified: file.unverified.into_iter().map(Spanned::into_inner).collect(),
        environments,
    })
}

fn credential(
    file: Spanned<CredentialFile>,
    refresh: Option<Spanned<RefreshFile>>,
    key: Option<Spanned<KeyFile>>,
    findings: &mut Findings<'_>,
) -> Option<Credential> {
    let at = file.span().start;
    let file = file.into_inner();
    let kind = file.kind;
    if !kind.has_sign_in() {
        findings.unused(kind, "credential.pkce", &file.pkce);
        findings.unused(kind, "credential.code_life", &file.code_life);
        findings.unused(kind, "credential.scopes", &file.scopes);
        findings.unused(kind, "refresh", &refresh);
    } else {
        findings.unused(kind, "key", &key);
    }
    if !kind.has_token_endpoint() {
        findings.unused(kind, "credential.token_request", &file.token_request);
        findings.unused(kind, "credential.expiry", &file.expiry);
        findings.unused(kind, "credential.access_life", &file.access_life);
        findings.unused(kind, "credential.errors_with_success", &file.errors_with_success);
        findings.unused(kind, "credential.refused", &file.refused);
        findings.unused(kind, "credential.app_refused", &file.app_refused);
    }
    if !kind.holds_a_secret() {
        findings.unused(kind, "credential.client_auth", &file.client_auth);
    }
    if kind == CredentialKind::OauthPkce
        && let Some(pkce) = file.pkce.as_ref().filter(|pkce| *pkce.get_ref() != Pkce::Required)
    {
        findings.at(pkce.span().start, "credential.pkce: without a secret it must be \"required\"");
    }
    match kind {
        CredentialKind::OauthPkce => sign_in(at, file, refresh, findings).map(Credential::OauthPkce),
        CredentialKind::OauthOwnApp => sign_in(at, file, refresh, findings).map(Credential::OauthOwnApp),
        CredentialKind::ApiKey => {
            let key = findings.needed(at, kind, "key", key);
            key.map(|key| Credential::ApiKey(self::key(key, findings)))
        }
        CredentialKind::ClientCredentials => {
            let key = findings.needed(at, kind, "key", key).map(|key| self::key(key, findings));
            let token = token(at, file, findings);
            Some(Credential::ClientCredentials { token: token?, key: key? })
        }
    }
}

/// Asks for everything before it gives up, so that every fault is reported at once.
fn sign_in(at: usize, file: CredentialFile, refresh: Option<Spanned<RefreshFile>>, findings: &mut Findings<'_>) -> Option<SignInFacts> {
    let kind = file.kind;
    let pkce = findings.needed(at, kind, "credential.pkce", file.pkce.as_ref().map(|p| *p.get_ref()));
    let scopes = findings.needed(at, kind, "credential.scopes", file.scopes.as_ref().map(|s| *s.get_ref()));
    let code_life = file.code_life.as_ref().map(|l| *l.get_ref());
    let refresh = findings.needed(at, kind, "refresh", refresh);
    let token = token(at, file, findings);
    let refresh = refresh.and_then(|r| self::refresh(r, token.as_ref(), findings));
    Some(SignInFacts {
        token: token?,
        pkce: pkce?,
        code_life,
        scopes: scopes?,
        refresh: refresh?,
    })
}

fn token(at: usize, file: CredentialFile, findings: &mut Findings<'_>) -> Option<TokenFacts> {
    let kind = file.kind;
    let inner = |list: Option<Spanned<Vec<String>>>| list.map(Spanned::into_inner).filter(|list| !list.is_empty());
    let refused_at = file.refused.as_ref().map_or(at, |list| list.span().start);
    let request = findings.needed(at, kind, "credential.token_request", file.token_request.map(Spanned::into_inner));
    let expiry = findings.needed(at, kind, "credential.expiry", file.expiry.map(Spanned::into_inner));
    let client_auth = match kind.holds_a_secret() {
        true => findings.needed(at, kind, "credential.client_auth", file.client_auth),
        false => None,
    };
    if let Some(auth) = client_auth.as_ref().filter(|auth| *auth.get_ref() == ClientAuth::NoSecret) {
        findings.at(auth.span().start, "credential.client_auth: basic or body");
    }
    let refused = inner(file.refused);
    if refused.is_none() {
        findings.at(
            refused_at,
            "credential.refused: at least one code, or an ended sign-in can never be told from a fault",
        );
    }
    let access_life = file.access_life.map(|life| (life.span().start, life.into_inner()));
    match (expiry, access_life) {
        (Some(Expiry::Absolute | Expiry::Seconds), None) => {
            findings.at(at, "credential.access_life: what is assumed where an answer tells none");
        }
        (Some(Expiry::None), Some((at, _))) => findings.at(at, "credential.access_life: access without an end has none"),
        (Some(Expiry::Absolute | Expiry::Seconds), Some(_)) | (Some(Expiry::None), None) | (None, _) => {}
    }
    Some(TokenFacts {
        request: request?,
        client_auth: client_auth.map_or(ClientAuth::NoSecret, Spanned::into_inner),
        expiry: expiry?,
        access_life: access_life.map(|(_, life)| life),
        errors_with_success: file.errors_with_success.is_some_and(Spanned::into_inner),
        refused: refused?,
        app_refused: inner(file.app_refused).unwrap_or_default(),
    })
}

fn refresh(file: Spanned<RefreshFile>, token: Option<&TokenFacts>, findings: &mut Findings<'_>) -> Option<Refresh> {
    let at = file.span().start;
    let file = file.into_inner();
    let life = match (file.life.get_ref().as_str(), file.since) {
        ("until revoked", None) => Some(RefreshLife::UntilRevoked),
        ("unknown", None) => Some(RefreshLife::Unknown),
        ("until revoked" | "unknown", Some(_)) => {
            findings.at(at, "refresh.since: has no meaning without a time");
            None
        }
        (time, since) => {
            let after = Life::try_from(time.to_string());
            if let Err(why) = &after {
                findings.at(
                    file.life.span().start,
                    format!("refresh.life: {why}, nor \"until revoked\" or \"unknown\""),
                );
            }
            if since.is_none() {
                findings.at(at, "refresh.since: issue or last_use");
            }
            after.ok().zip(since).map(|(after, since)| RefreshLife::Ends { after, since })
        }
    };
    let access = token.and_then(|token| token.access_life);
    if access.is_some_and(|life| file.renew_before_end >= life) {
        findings.at(
            at,
            "refresh.renew_before_end: shorter than access_life, or access is renewed without pause",
        );
    }
    if let (Some(every), Some(life)) = (file.renew_at_least_every, access)
        && every > life
    {
        findings.at(at, "refresh.renew_at_least_every: at most access_life");
    }
    if let (Some(RefreshLife::Ends { after, .. }), Some(warn)) = (life, file.warn_before_end)
        && warn >= after
    {
        findings.at(at, "refresh.warn_before_end: shorter than refresh.life");
    }
    if file.grace.is_some() && file.rotation == Rotation::Never {
        findings.at(at, "refresh.grace: has no meaning where nothing rotates");
    }
    Some(Refresh {
        life: life?,
        cap: file.cap,
        rotation: file.rotation,
        grace: file.grace,
        expires_field: file.expires_field,
        renew_before_end: file.renew_before_end,
        renew_at_least_every: file.renew_at_least_every,
        warn_before_end: file.warn_before_end,
    })
}

fn key(file: Spanned<KeyFile>, findings: &mut Findings<'_>) -> KeyFacts {
    let at = file.span().start;
    let file = file.into_inner();
    findings.said(at, "key.called", &file.called);
    for refused in &file.refused {
        findings.said(at, "key.refused.prefix", &refused.prefix);
        findings.said(at, "key.refused.why", &refused.why);
    }
    KeyFacts {
        called: file.called,
        refused: file.refused,
    }
}

fn permissions(files: Vec<Spanned<Permission>>, kind: CredentialKind, findings: &mut Findings<'_>) -> Vec<Permission> {
    let mut list: Vec<Permission> = Vec::new();
    for file in files {
        let at = file.span().start;
        let permission = file.into_inner();
        let name = shown(&permission.name);
        findings.said(at, "permission.name", &permission.name);
        if list.iter().any(|p| p.name == permission.name) {
            findings.at(at, format!("the permission {name} stands here twice"));
        }
        if permission.purpose.trim().is_empty() {
            findings.at(at, format!("the permission {name} says not what it is for"));
        }
        if let Some(probe) = &permission.probe {
            findings.path(at, "permission.probe.path", &probe.path);
        }
        if let Some(why) = &permission.no_probe {
            findings.said(at, "permission.no_probe", why);
        }
        match (kind.has_sign_in(), &permission.probe, &permission.no_probe) {
            (false, None, None) => findings.at(
                at,
                format!("the permission {name} has neither probe nor no_probe, and a key does not tell what it may do"),
            ),
            (_, Some(_), Some(_)) => findings.at(at, format!("the permission {name} has both probe and no_probe")),
            (true, _, _) | (false, Some(_), None) | (false, None, Some(_)) => {}
        }
        list.push(permission);
    }
    list
}

fn no_permissions(
    permissions: &[Permission],
    scopes: Option<ScopeList>,
    kind: CredentialKind,
    without: Option<&Spanned<String>>,
    findings: &mut Findings<'_>,
) {
    match without {
        Some(why) if !permissions.is_empty() => findings.at(why.span().start, "without_permissions: there are some"),
        Some(why) => findings.said(why.span().start, "without_permissions", why.get_ref()),
        None if permissions.is_empty() => findings.at(0, "no permission, and without_permissions does not say why"),
        None => {}
    }
    // Asking for no permission and listing some, or the other way round, would make every access look limited.
    if kind.has_sign_in() && scopes.is_some_and(|scopes| (scopes == ScopeList::None) != permissions.is_empty()) {
        findings.at(0, "credential.scopes: \"none\" exactly where there are no permissions");
    }
}

fn retiring(files: Vec<Spanned<RetiringPermission>>, permissions: &[Permission], findings: &mut Findings<'_>) -> Vec<RetiringPermission> {
    let known = |name: &String| permissions.iter().any(|p| p.name == *name);
    let mut list: Vec<RetiringPermission> = Vec::new();
    for file in files {
        let at = file.span().start;
        let old = file.into_inner();
        let name = shown(&old.name);
        findings.said(at, "retiring.why", &old.why);
        findings.said(at, "retiring.source", &old.source);
        if known(&old.name) || list.iter().any(|other| other.name == old.name) {
            findings.at(at, format!("the permission {name} stands here twice"));
        }
        if old.covers.is_empty() {
            findings.at(at, format!("the retiring permission {name} covers nothing"));
        }
        for covered in old.covers.iter().filter(|covered| !known(covered)) {
            findings.at(
                at,
                format!(
                    "the retiring permission {name} covers {}, which is not among the permissions",
                    shown(covered)
                ),
            );
        }
        list.push(old);
    }
    list
}

fn api(api: &Spanned<Api>, findings: &mut Findings<'_>) {
    let at = api.span().start;
    findings.headers(at, "api.headers", &api.get_ref().headers);
    match &api.get_ref().company {
        Some(CompanyPlace::Header(name)) => {
            findings.headers(at, "api.company", &BTreeMap::from([(name.clone(), String::new())]));
        }
        Some(CompanyPlace::Query(name)) => findings.said(at, "api.company", name),
        Some(CompanyPlace::Path) | None => {}
    }
}

fn identity(
    identity: &Spanned<Identity>,
    permissions: &[Permission],
    parameters: &[Spanned<RedirectParameter>],
    findings: &mut Findings<'_>,
) {
    let (at, i) = (identity.span().start, identity.get_ref());
    findings.path(at, "identity.path", &i.path);
    findings.pointer(at, "identity.id", &i.id);
    findings.pointer(at, "identity.name", &i.name);
    if let Some(list) = i.list.as_ref().filter(|list| !list.is_empty()) {
        findings.pointer(at, "identity.list", list);
    }
    findings.headers(at, "identity.headers", &i.headers);
    if let Some(permission) = &i.permission
        && !permissions.iter().any(|p| p.name == *permission)
    {
        findings.at(
            at,
            format!("identity.permission {} is not among the permissions", shown(permission)),
        );
    }
    let named = parameters.iter().any(|p| p.get_ref().verify == Verify::Identity);
    if named != i.path.contains("{company}") {
        findings.at(
            at,
            "identity.path: holds {company} exactly where a redirect parameter is verified by it",
        );
    }
}

fn parameters(
    files: Vec<Spanned<RedirectParameter>>,
    kind: CredentialKind,
    environments: &[Endpoints],
    findings: &mut Findings<'_>,
) -> Vec<RedirectParameter> {
    let mut list: Vec<RedirectParameter> = Vec::new();
    for file in files {
        let at = file.span().start;
        let parameter = file.into_inner();
        let name = shown(&parameter.name);
        findings.said(at, "redirect_parameter.name", &parameter.name);
        findings.said(at, "redirect_parameter.says", &parameter.says);
        if !kind.has_sign_in() {
            findings.at(at, format!("redirect_parameter {name}: has no meaning for {}", kind.name()));
        }
        if RESERVED.contains(&parameter.name.as_str()) || list.iter().any(|other| other.name == parameter.name) {
            findings.at(
                at,
                format!("redirect_parameter {name}: belongs to the protocol, or stands here twice"),
            );
        }
        if parameter.verify == Verify::DataCenter && environments.iter().any(|e| e.data_centers.is_empty()) {
            findings.at(
                at,
                format!("redirect_parameter {name}: there are no data centres to compare it with"),
            );
        }
        list.push(parameter);
    }
    list
}

fn revocation(
    file: Spanned<RevocationFile>,
    kind: CredentialKind,
    environments: &[Endpoints],
    findings: &mut Findings<'_>,
) -> RevocationFacts {
    let at = file.span().start;
    let file = file.into_inner();
    findings.said(at, "revocation.why", &file.why);
    findings.said(at, "revocation.page_says", &file.page_says);
    findings.page(at, "revocation.page", &file.page);
    if file.kind == RevocationKind::NeedsSecret && kind.holds_a_secret() {
        findings.at(at, format!("revocation.kind: {} holds a secret", kind.name()));
    }
    let possible = match file.kind {
        RevocationKind::Rfc7009 | RevocationKind::Delete => environments.iter().all(|e| e.revoke.is_some()),
        RevocationKind::NeedsSecret | RevocationKind::None => false,
    };
    RevocationFacts {
        kind: file.kind,
        possible,
        ends: file.ends,
        why: file.why,
        page: file.page,
        page_says: file.page_says,
    }
}

fn limits(limits: &Spanned<Limits>, findings: &mut Findings<'_>) {
    let (at, l) = (limits.span().start, limits.get_ref());
    if l.requests_per_second == 0 || l.parallel == 0 {
        findings.at(at, "limits: must be above 0");
    }
    for quota in &l.quota {
        findings.said(at, "limits.quota.of", &quota.of);
        findings.said(at, "limits.quota.source", &quota.source);
        // A day's number is a budget, not a pace; and requests of one kind only have a pace of their own.
        let paced = quota.per != Period::Day && quota.only.is_none();
        if quota.requests == 0 || (paced && u64::from(l.requests_per_second) * u64::from(quota.per.seconds()) > u64::from(quota.requests)) {
            findings.at(at, "limits.requests_per_second: faster than a quota allows");
        }
    }
    for concurrent in &l.concurrent {
        findings.said(at, "limits.concurrent.of", &concurrent.of);
        findings.said(at, "limits.concurrent.source", &concurrent.source);
        if l.parallel > concurrent.requests {
            findings.at(at, "limits.parallel: more than is allowed at a time");
        }
    }
}

fn guide(guide: &Spanned<Guide>, findings: &mut Findings<'_>) {
    let (at, g) = (guide.span().start, guide.get_ref());
    findings.page(at, "guide.page", &g.page);
    for (name, steps) in [("guide.steps", &g.steps), ("guide.replace", &g.replace)] {
        if steps.is_empty() || steps.iter().any(|step| step.trim().is_empty()) {
            findings.at(at, format!("{name}: at least one step, and none that says nothing"));
        }
    }
}

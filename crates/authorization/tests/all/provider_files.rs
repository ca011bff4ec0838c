//! Provider files: every fault is refused with file, line and reason, and all faults at once.

use authorization::*;

macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../../catalog/providers/", $name)))
    };
}

type File = (&'static str, &'static str);

const SQUARE: File = file!("square.toml");
const XERO: File = file!("xero.toml");
const QUICKBOOKS: File = file!("quickbooks.toml");
const STRIPE: File = file!("stripe.toml");
const PAYPAL: File = file!("paypal.toml");
const ZOHO: File = file!("zoho-books.toml");
const SAGE: File = file!("sage.toml");
const FREEAGENT: File = file!("freeagent.toml");

/// What becomes of a file after one change.
fn faults((name, text): File, find: &str, replace: &str) -> Vec<String> {
    assert!(text.contains(find), "{name} does not contain {find}");
    let problem = Provider::parse(name, &text.replacen(find, replace, 1)).err();
    let problem = problem.unwrap_or_else(|| panic!("{name} is taken although {find} became {replace}"));
    assert_eq!(problem.code, problems::E_PROVIDER);
    problem.why
}

/// The line on which a text first stands.
fn line((_, text): File, of: &str) -> usize {
    let at = text.find(of).unwrap_or_else(|| panic!("{of} is not there"));
    text[..at].matches('\n').count() + 1
}

/// The change is refused on the line where `at` stands, with this reason.
fn refused(file: File, find: &str, replace: &str, at: &str, reason: &str) {
    let expected = format!("{}:{}: ", file.0, line(file, at));
    let found = faults(file, find, replace);
    assert!(
        found.iter().any(|why| why.starts_with(&expected) && why.contains(reason)),
        "expected {expected}… {reason}\nfound {found:#?}"
    );
}

/// As [`refused`], on the line of the change itself.
fn bad(file: File, find: &str, replace: &str, reason: &str) {
    refused(file, find, replace, find, reason);
}

#[test]
fn what_is_not_known_is_refused_with_file_line_and_reason() {
    bad(SQUARE, "title = ", "colour = ", "unknown field `colour`");
    bad(SQUARE, "pkce = \"required\"", "pkce = \"plain\"", "unknown variant `plain`");
    bad(SQUARE, "kind = \"oauth_pkce\"", "kind = \"magic\"", "unknown variant `magic`");
    bad(
        SQUARE,
        "rotation = \"always\"",
        "rotation = \"perhaps\"",
        "unknown variant `perhaps`",
    );
    bad(SQUARE, "kind = \"needs_secret\"", "kind = \"burn\"", "unknown variant `burn`");
    bad(SQUARE, "busy = \"unknown\"", "busy = \"often\"", "unknown variant `often`");
    bad(
        SQUARE,
        "code_life = \"5 minutes\"",
        "code_life = \"soon\"",
        "\"soon\" is not a time like \"30 minutes\"",
    );
    bad(SQUARE, "code_life = \"5 minutes\"", "code_life = \"0 minutes\"", "not a time");
    bad(SQUARE, "code_life = \"5 minutes\"", "code_life = \"999999999 years\"", "not a time");
    bad(
        SQUARE,
        "[{ kind = \"paste\" }]",
        "[{ kind = \"pigeon\" }]",
        "unknown variant `pigeon`",
    );
    bad(
        SQUARE,
        "[{ kind = \"paste\" }]",
        "[{ kind = \"paste\", ports = [1] }]",
        "unknown field `ports`",
    );
    bad(
        XERO,
        "on = \"2027-09\"",
        "on = \"some day\"",
        "neither a day like 2027-09-30 nor a month",
    );
    bad(STRIPE, "method = \"GET\"", "method = \"POST\"", "unknown variant `POST`");
    bad(
        STRIPE,
        "pointer = \"/livemode\"",
        "pointers = \"/livemode\"",
        "unknown field `pointers`",
    );
    bad(XERO, "company = { header", "company = { cookie", "unknown variant `cookie`");
    for table in [
        "credential",
        "refresh",
        "api",
        "revocation",
        "identity",
        "status",
        "limits",
        "guide",
    ] {
        let head = format!("[{table}]\n");
        assert!(
            faults(SQUARE, &head, &format!("{head}colour = 1\n"))[0].contains("unknown field `colour`"),
            "{table}"
        );
    }
    for (file, table) in [
        (SQUARE, "environment"),
        (SQUARE, "permission"),
        (SQUARE, "deadline"),
        (SQUARE, "unverified"),
        (XERO, "retiring"),
        (XERO, "limits.quota"),
        (XERO, "limits.concurrent"),
        (QUICKBOOKS, "redirect_parameter"),
        (ZOHO, "environment.data_center"),
        (STRIPE, "key"),
    ] {
        let head = if table == "key" {
            format!("[{table}]\n")
        } else {
            format!("[[{table}]]\n")
        };
        assert!(
            faults(file, &head, &format!("{head}colour = 1\n"))[0].contains("unknown field `colour`"),
            "{table}"
        );
    }
}

// Check 4, 24.
#[test]
fn an_address_that_is_not_safe_or_not_on_the_list_is_refused() {
    let token = "token = \"https://connect.squareup.com/oauth2/token\"";
    bad(
        SQUARE,
        token,
        "token = \"http://connect.squareup.com/oauth2/token\"",
        "neither https nor http on this computer",
    );
    bad(
        SQUARE,
        token,
        "token = \"https://user@connect.squareup.com/oauth2/token\"",
        "user name",
    );
    bad(
        SQUARE,
        token,
        "token = \"https://connect.squareup.com.evil.example/token\"",
        "is not among this environment's hosts",
    );
    bad(SQUARE, token, "token = \"connect.squareup.com\"", "is not an address");
    // A slip that would send live tokens to the test world.
    bad(
        SQUARE,
        token,
        "token = \"https://connect.squareupsandbox.com/oauth2/token\"",
        "is not among this environment's hosts",
    );
    bad(
        SQUARE,
        "hosts = [\"connect.squareup.com\"]",
        "hosts = [\"connect.squareup.com\", \"elsewhere.example\"]",
        "nothing here is on elsewhere.example",
    );
    bad(
        SQUARE,
        "api_base = \"https://connect.squareup.com/\"",
        "api_base = \"https://connect.squareup.com/v2\"",
        "scheme and host only",
    );
    bad(
        ZOHO,
        "accounts = \"https://accounts.zoho.eu/\"",
        "accounts = \"https://accounts.zoho.eu.evil.example/\"",
        "is not among this environment's hosts",
    );
    bad(
        ZOHO,
        "accounts = \"https://accounts.zoho.eu/\"",
        "accounts = \"http://accounts.zoho.eu/\"",
        "neither https",
    );
    let page = "page = \"https://developer.squareup.com/apps\"";
    refused(
        SQUARE,
        page,
        "page = \"http://developer.squareup.com/apps\"",
        "[guide]",
        "guide.page: an https address",
    );
    for (path, file) in [("/v1/account\"", STRIPE), ("/connections\"", XERO)] {
        let found = faults(file, path, "//evil.example/x\"");
        assert!(found[0].contains("a path that begins with one /"), "{found:?}");
    }
    // On this computer plain http is fine.
    let here = SQUARE
        .1
        .replace("https://connect.squareup.com", "http://127.0.0.1:9")
        .replace("[\"connect.squareup.com\"]", "[\"127.0.0.1\"]");
    Provider::parse("square.toml", &here).unwrap();
}

// Check 3.
#[test]
fn what_would_mean_something_else_than_it_says_is_refused() {
    bad(
        SQUARE,
        "{ session = \"false\" }",
        "{ state = \"mine\" }",
        "extra: state belongs to the protocol",
    );
    bad(
        SQUARE,
        "name = \"sandbox\"",
        "name = \"moon\"",
        "environment: production or sandbox",
    );
    bad(
        SQUARE,
        "name = \"sandbox\"",
        "name = \"practice\"",
        "environment: production or sandbox",
    );
    let second = "[[environment]]\nname = \"sandbox\"";
    refused(
        SQUARE,
        second,
        "[[environment]]\nname = \"production\"",
        second,
        "the environment production stands here twice",
    );
    let twice = "[[permission]]\nname = \"PAYOUTS_READ\"";
    refused(
        SQUARE,
        twice,
        "[[permission]]\nname = \"PAYMENTS_READ\"",
        twice,
        "the permission PAYMENTS_READ stands here twice",
    );
    let silent = "[[permission]]\nname = \"offline_access\"\nfor = \"";
    refused(
        XERO,
        "Stay signed in, so that you are not asked again every half hour.",
        " ",
        silent,
        "says not what it is for",
    );
    bad(SQUARE, "checked = \"2026-11-23\"", "checked = \"lately\"", "checked: not a date");
    bad(SQUARE, "name = \"square\"", "name = \"Square Inc\"", "lower-case letters");
    refused(
        SQUARE,
        "busy = ",
        "quota = [{ requests = 60, per = \"minute\", of = \"company\", source = \"x\" }]\nbusy = ",
        "[limits]",
        "faster than a quota",
    );
    refused(XERO, "parallel = 4", "parallel = 6", "[limits]", "more than is allowed at a time");
    refused(
        SQUARE,
        "permission = \"MERCHANT_PROFILE_READ\"",
        "permission = \"NOTHING\"",
        "[identity]",
        "not among the permissions",
    );
    refused(SQUARE, "\"Square-Version\" = ", "Authorization = ", "[identity]", "cannot be set");
    refused(
        XERO,
        "company = { header = \"xero-tenant-id\" }",
        "company = { header = \"Cookie\" }",
        "[api]",
        "cannot be set",
    );
    refused(
        XERO,
        "17831, 17832, 17833, 17834, 17835",
        "17831, 17831",
        "{ kind = \"loopback\"",
        "different ports, from 1024 on",
    );
    refused(
        XERO,
        "17831, 17832, 17833, 17834, 17835",
        "80",
        "{ kind = \"loopback\"",
        "different ports",
    );
    let old = "[[retiring]]\nname = \"accounting.transactions.read\"";
    refused(
        XERO,
        "covers = [\"accounting.invoices.read\",",
        "covers = [\"accounting.everything\",",
        old,
        "covers accounting.everything, which is not among",
    );
    // A company that a redirect only claims must be proved, and only such a one.
    refused(
        QUICKBOOKS,
        "verify = \"identity\"",
        "verify = \"ignored\"",
        "[identity]",
        "holds {company} exactly where",
    );
    refused(
        QUICKBOOKS,
        "/v3/company/{company}/companyinfo/{company}",
        "/v3/company",
        "[identity]",
        "holds {company} exactly where",
    );
    refused(
        QUICKBOOKS,
        "verify = \"identity\"",
        "verify = \"data_center\"",
        "[[redirect_parameter]]",
        "no data centres",
    );
    refused(
        QUICKBOOKS,
        "name = \"realmId\"",
        "name = \"state\"",
        "[[redirect_parameter]]",
        "belongs to the protocol",
    );
    refused(
        FREEAGENT,
        "scopes = \"none\"",
        "scopes = \"space\"",
        "# What",
        "\"none\" exactly where there are no permissions",
    );
    refused(
        XERO,
        "without_sandbox = ",
        "without_permissions = ",
        "# What",
        "the environment sandbox is missing",
    );
    refused(
        SQUARE,
        "title = \"Square\"",
        "title = \"Square\"\nwithout_sandbox = \"none\"",
        "checked = ",
        "there is one",
    );
}

#[test]
fn what_a_kind_of_credential_needs_must_be_there_and_nothing_else() {
    let credential = "[credential]";
    for key in ["pkce", "scopes", "token_request", "expiry", "access_life"] {
        let start = SQUARE.1.find(&format!("\n{key} = ")).unwrap() + 1;
        let whole = &SQUARE.1[start..start + SQUARE.1[start..].find('\n').unwrap()];
        refused(SQUARE, whole, "", credential, &format!("credential.{key}"));
    }
    bad(
        SQUARE,
        "pkce = \"required\"",
        "pkce = \"sent\"",
        "without a secret it must be \"required\"",
    );
    refused(
        SQUARE,
        "kind = \"oauth_pkce\"",
        "kind = \"api_key\"",
        "pkce = ",
        "credential.pkce: has no meaning for api_key",
    );
    bad(
        SQUARE,
        "token_request = \"json\"",
        "client_auth = \"basic\"\ntoken_request = \"json\"",
        "client_auth: has no meaning for oauth_pkce",
    );
    refused(
        QUICKBOOKS,
        "client_auth = \"basic\"",
        "",
        credential,
        "credential.client_auth: oauth_own_app needs it",
    );
    bad(
        QUICKBOOKS,
        "client_auth = \"basic\"",
        "client_auth = \"no_secret\"",
        "client_auth: basic or body",
    );
    let refuses = "refused = [\"invalid_grant\"]";
    bad(XERO, refuses, "refused = []", "can never be told from a fault");
    refused(
        STRIPE,
        "[key]\ncalled = \"restricted key\"",
        "[key]\ncalled = \" \"",
        "[key]",
        "key.called: says nothing",
    );
    let found = faults(STRIPE, "kind = \"api_key\"", "kind = \"api_key\"\nexpiry = \"seconds\"");
    assert!(found[0].contains("credential.expiry: has no meaning for api_key"), "{found:?}");
    refused(
        STRIPE,
        "probe = { method = \"GET\", path = \"/v1/account\" }",
        "",
        "[[permission]]",
        "neither probe nor no_probe",
    );
    let first = "[[environment]]";
    refused(
        PAYPAL,
        "token = \"https://api-m.paypal.com/v1/oauth2/token\"",
        "",
        first,
        "environment.token: client_credentials needs it",
    );
    refused(
        SQUARE,
        "authorize = \"https://connect.squareup.com/oauth2/authorize\"",
        "",
        first,
        "environment.authorize: oauth_pkce needs it",
    );
    refused(
        SQUARE,
        "redirects = [{ kind = \"paste\" }]",
        "",
        first,
        "environment.redirects: oauth_pkce needs it",
    );
    refused(
        XERO,
        "revoke = \"https://identity.xero.com/connect/revocation\"",
        "",
        first,
        "this kind of revocation needs it",
    );
    refused(
        QUICKBOOKS,
        "kind = \"rfc7009\"",
        "kind = \"needs_secret\"",
        "[revocation]",
        "oauth_own_app holds a secret",
    );
    let refresh = "[refresh]";
    refused(
        SAGE,
        "renew_before_end = \"60 seconds\"",
        "renew_before_end = \"5 minutes\"",
        refresh,
        "shorter than access_life",
    );
    refused(
        SQUARE,
        "renew_at_least_every = \"7 days\"",
        "renew_at_least_every = \"31 days\"",
        refresh,
        "at most access_life",
    );
    refused(
        XERO,
        "warn_before_end = \"14 days\"",
        "warn_before_end = \"60 days\"",
        refresh,
        "shorter than refresh.life",
    );
    refused(XERO, "since = \"last_use\"\n", "", refresh, "refresh.since");
    bad(XERO, "life = \"60 days\"", "life = \"long\"", "nor \"until revoked\"");
    refused(XERO, "rotation = \"always\"", "rotation = \"never\"", refresh, "nothing rotates");
    let found = faults(STRIPE, "replace = [", "replace = []\nold = [");
    assert!(found[0].contains("unknown field `old`"), "{found:?}");
    let step = "\"Make a second restricted key with the same permissions; do not touch the first one yet.\"";
    refused(STRIPE, step, "\" \"", "[guide]", "guide.replace: at least one step");
}

#[test]
fn every_finding_is_reported_at_once() {
    let bad = SQUARE
        .1
        .replace("2026-11-23\"", "lately\"")
        .replace("requests_per_second = 10", "requests_per_second = 0")
        .replace(
            "https://connect.squareupsandbox.com/oauth2/token\"",
            "http://connect.squareupsandbox.com/oauth2/token\"",
        );
    assert_eq!(Provider::parse("square.toml", &bad).unwrap_err().why.len(), 3);
}

#[test]
fn no_file_with_a_line_taken_out_or_cut_short_panics() {
    for (name, text) in [SQUARE, XERO, QUICKBOOKS, STRIPE, PAYPAL, ZOHO, SAGE, FREEAGENT] {
        let lines: Vec<&str> = text.lines().collect();
        for gone in 0..lines.len() {
            let rest: Vec<&str> = lines
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != gone)
                .map(|(_, line)| *line)
                .collect();
            for changed in [rest.join("\n"), lines[..gone].join("\n")] {
                if let Err(problem) = Provider::parse(name, &changed) {
                    assert!(
                        !problem.why.is_empty() && problem.why.iter().all(|why| why.starts_with(&format!("{name}:"))),
                        "{problem}"
                    );
                }
            }
        }
    }
}

// Check 21, 23.
#[test]
fn what_a_provider_calls_itself_is_a_safe_address_and_a_region_stands_in_the_file_once() {
    let with = |iss: &str| SQUARE.1.replacen("name = \"production\"", &format!("name = \"production\"\niss = \"{iss}\""), 1);
    let good = Provider::parse("square.toml", &with("https://connect.squareup.com")).unwrap();
    assert_eq!(good.endpoints(Environment::Production).unwrap().issuer.as_deref(), Some("https://connect.squareup.com"));
    assert_eq!(good.endpoints(Environment::Sandbox).unwrap().issuer, None);
    for bad in ["http://connect.squareup.com", "https://connect.squareup.com?a=b", "https://connect.squareup.com/#a", "connect.squareup.com"] {
        assert!(Provider::parse("square.toml", &with(bad)).is_err(), "{bad}");
    }
    let key = STRIPE.1.replacen("name = \"production\"", "name = \"production\"\niss = \"https://api.stripe.com\"", 1);
    assert!(Provider::parse("stripe.toml", &key).is_err(), "a key has no redirect");
    bad(ZOHO, "name = \"India\"", "name = \"Europe\"", "Europe stands here twice");
    bad(ZOHO, "accounts = \"https://accounts.zoho.in/\"", "accounts = \"https://accounts.zoho.eu/\"", "https://accounts.zoho.eu/ stands here twice");
}

// A certified OpenID provider on loopback, for the sign-in tests. Its words go to standard output: one line of JSON when it listens, then one per event.
// It consents by itself, unless `--people` is given: then it has a page on which a person chooses a company and allows or declines.
// `--as NAME` gives it the paths, permissions and list of companies of that file in catalog/providers. It ends with its standard input.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const argument = (name) => (process.argv.includes(name) ? (process.argv[process.argv.indexOf(name) + 1] ?? "") : null);
const required = process.argv.includes("--par-required");
const par = required || process.argv.includes("--par-offered");
const people = process.argv.includes("--people");
const as = argument("--as") ?? "openid";
const told = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const clientId = "changeover";
const companies = { "harbour-street": "Harbour Street Bakery", seaside: "Seaside Café" };

// The paths and permissions are read where Changeover reads them too, so that the two cannot differ.
const file = as === "openid" ? "" : readFileSync(new URL(`../../catalog/providers/${as}.toml`, import.meta.url), "utf8");
const path = (name) => new URL(file.match(new RegExp(`^${name} = "(https://[^"]+)"`, "m"))[1]).pathname;
const routes = as === "openid" ? {} : { routes: { authorization: path("authorize"), token: path("token"), revocation: path("revoke") } };
const permissions = [...file.matchAll(/^\[\[permission\]\]\nname = "([^"]+)"/gm)].map((found) => found[1]);

const escaped = (text) => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
const page = (uid, params) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<main><h1>Give access?</h1><p>${escaped(params.client_id)} asks for:</p><ul>${params.scope.split(" ").map((scope) => `<li>${escaped(scope)}</li>`).join("")}</ul>
<form method="post" action="/consent/${escaped(uid)}">
${Object.entries(companies).map(([id, name]) => `<label><input type="radio" name="company" value="${id}"${id === "harbour-street" ? " checked" : ""}> ${escaped(name)}</label>`).join("<br>")}
<p><button name="answer" value="allow">Allow</button> <button name="answer" value="decline">Decline</button></p></form></main></html>`;

const body = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString("utf8"));
};

let provider;
const server = createServer((request, response) => provider.callback()(request, response));
server.listen(0, "127.0.0.1", () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(base, {
    ...routes,
    clients: [{ client_id: clientId, application_type: "native", token_endpoint_auth_method: "none", redirect_uris: [`http://127.0.0.1/callback/${as}`], grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], require_pushed_authorization_requests: required }],
    pkce: { required: () => true },
    scopes: ["openid", "offline_access", "payments", "payouts", ...permissions],
    claims: { openid: ["sub"], profile: ["name"] },
    features: { devInteractions: { enabled: false }, revocation: { enabled: true }, introspection: { enabled: false }, pushedAuthorizationRequests: { enabled: par, requirePushedAuthorizationRequests: required } },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    ttl: { AccessToken: 3600, RefreshToken: 86400, Grant: 86400, Interaction: 600, Session: 600, AuthorizationCode: 60 },
    findAccount: async (_, sub) => ({ accountId: sub, claims: async () => ({ sub, name: companies[sub] }) }),
    interactions: { url: (_, interaction) => `/consent/${interaction.uid}` },
    cookies: { keys: ["loopback-only"] },
  });
  provider.use(async (context, next) => {
    // Whoever stays signed in there is asked again all the same, and `offline_access` is given only to somebody who was asked.
    if (people && context.path === routes.routes?.authorization) context.querystring += "&prompt=login%20consent";
    if (context.path === "/connections") {
      const token = await provider.AccessToken.find((context.get("authorization") ?? "").replace(/^Bearer /, ""));
      context.status = token ? 200 : 401;
      context.body = token ? [{ tenantId: token.accountId, tenantName: companies[token.accountId] }] : {};
      return;
    }
    if (!context.path.startsWith("/consent/")) return next();
    const { uid, params } = await provider.interactionDetails(context.req, context.res);
    const answer = people ? await body(context.req) : new URLSearchParams({ company: "harbour-street", answer: "allow" });
    if (people && context.method === "GET") {
      context.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
      context.type = "html";
      context.body = page(uid, params);
      return;
    }
    context.respond = false;
    if (answer.get("answer") !== "allow") {
      await provider.interactionFinished(context.req, context.res, { error: "access_denied", error_description: "The person declined." }, { mergeWithLastSubmission: false });
      return;
    }
    const accountId = answer.get("company");
    const grant = new provider.Grant({ accountId, clientId });
    grant.addOIDCScope(params.scope);
    const grantId = await grant.save();
    await provider.interactionFinished(context.req, context.res, { login: { accountId }, consent: { grantId } }, { mergeWithLastSubmission: false });
  });
  for (const event of ["grant.success", "grant.error", "grant.revoked", "authorization.error", "authorization.success", "server_error"]) provider.on(event, (_, error) => told({ event, error: error?.error ?? error?.message, detail: error?.error_detail }));
  told({ base });
});
process.stdin.on("end", () => process.exit(0)).resume();

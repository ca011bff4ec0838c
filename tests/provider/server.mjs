// A certified OpenID provider on loopback, for the sign-in tests. Its words go to standard output: one line of JSON when it listens, then one per event.
// It consents by itself: the person's part is played by the interaction route. It ends with its standard input.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const required = process.argv.includes("--par-required");
const par = required || process.argv.includes("--par-offered");
const told = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const clientId = "changeover";
let provider;
const server = createServer((request, response) => provider.callback()(request, response));
server.listen(0, "127.0.0.1", () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(base, {
    clients: [{ client_id: clientId, application_type: "native", token_endpoint_auth_method: "none", redirect_uris: ["http://127.0.0.1/callback/openid"], grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], require_pushed_authorization_requests: required }],
    pkce: { required: () => true },
    scopes: ["openid", "offline_access", "payments", "payouts"],
    claims: { openid: ["sub"], profile: ["name"] },
    features: { devInteractions: { enabled: false }, revocation: { enabled: true }, introspection: { enabled: false }, pushedAuthorizationRequests: { enabled: par, requirePushedAuthorizationRequests: required } },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    ttl: { AccessToken: 3600, RefreshToken: 86400, Grant: 86400, Interaction: 600, Session: 600, AuthorizationCode: 60 },
    findAccount: async (_, sub) => ({ accountId: sub, claims: async () => ({ sub, name: "Harbour Street Bakery" }) }),
    interactions: { url: (_, interaction) => `/consent/${interaction.uid}` },
    cookies: { keys: ["loopback-only"] },
  });
  provider.use(async (context, next) => {
    if (!context.path.startsWith("/consent/")) return next();
    const { params } = await provider.interactionDetails(context.req, context.res);
    const grant = new provider.Grant({ accountId: "harbour-street", clientId });
    grant.addOIDCScope(params.scope);
    const grantId = await grant.save();
    await provider.interactionFinished(context.req, context.res, { login: { accountId: "harbour-street" }, consent: { grantId } }, { mergeWithLastSubmission: false });
    context.respond = false;
  });
  for (const event of ["grant.success", "grant.error", "grant.revoked", "authorization.error", "authorization.success", "server_error"]) provider.on(event, (_, error) => told({ event, error: error?.error ?? error?.message, detail: error?.error_detail }));
  told({ base });
});
process.stdin.on("end", () => process.exit(0)).resume();

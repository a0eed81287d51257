// A real authorization server, npm's oidc-provider, for the interoperability tests in this folder.
//
// It listens on a free loopback port and talks to its parent in lines: on standard output first what it offers, then one
// answer per command. The commands on standard input are "rotate overlap" (sign with new keys, publish the old ones too)
// and "rotate replace" (sign with new keys, publish nothing else). It ends when standard input does. A second argument is the
// issuer identifier, for a server behind a proxy; without it, it is the address listened on. A third is where logouts of its two apps are told.

import { X509Certificate, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const audience = process.argv[2];
const logoutURI = process.argv[4];

const keyTypes = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519'],
  Ed25519: ['ed25519'],
};

// The resources that a client can ask for. A token for most of them names our audience, however it is made.
const api = { audience, scope: 'orders:read orders:write read write', accessTokenTTL: 300 };
const resources = {
  'urn:api:opaque': { ...api, accessTokenFormat: 'opaque' },
  'urn:api:expired': { ...api, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  'urn:other': { ...api, audience: 'https://other.example.com', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  'urn:other:opaque': { ...api, audience: 'https://other.example.com', accessTokenFormat: 'opaque' },
};
for (const alg of Object.keys(keyTypes)) {
  resources[`urn:api:${alg}`] = { ...api, accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
}

const newSecret = () => randomBytes(32).toString('base64url');
const redirectURI = 'https://app.example.com/callback';
const app = { id: 'app', secret: newSecret() };
const resourceServer = { id: 'resource-server', secret: newSecret() };

// Both apps hear of logouts, if anybody does: the first of sessions, which its access tokens name, the second of users.
const hears = (id) => logoutURI && { backchannel_logout_uri: logoutURI, backchannel_logout_session_required: id === app.id };

// The second app is called like the API, as one registration for both often is. Its ID tokens name our audience.
const namesake = { id: audience, secret: newSecret() };

// The third app gets tokens that are bound to its TLS certificate (RFC 8705). We stand behind a proxy that ends TLS, and
// passes the certificate on.
const certified = { id: 'certified', secret: newSecret() };
const certificateField = 'x-client-cert';

function certificateOf(ctx) {
  const pem = ctx.get(certificateField);
  return pem ? new X509Certificate(decodeURIComponent(pem)) : undefined;
}

function newKeys() {
  return Object.entries(keyTypes).map(([alg, [type, options]]) => {
    const { privateKey } = generateKeyPairSync(type, options);
    return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID() };
  });
}

function newProvider(issuer, keys) {
  return new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: [newSecret()] },
    clients: [
      ...[app, namesake].map(({ id, secret }) => ({
        client_id: id,
        client_secret: secret,
        grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
        redirect_uris: [redirectURI],
        ...hears(id),
      })),
      {
        client_id: certified.id,
        client_secret: certified.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        tls_client_certificate_bound_access_tokens: true,
      },
      { client_id: resourceServer.id, client_secret: resourceServer.secret, grant_types: [], redirect_uris: [], response_types: [] },
    ],
    // By itself it calls no loopback address.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    features: {
      backchannelLogout: { enabled: Boolean(logoutURI) },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
      mTLS: { enabled: true, certificateBoundAccessTokens: true, getCertificate: certificateOf },
      introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === resourceServer.id },
      revocation: { enabled: true, allowedPolicy: (ctx, client, token) => client.clientId === token.clientId },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => resources[resource],
        useGrantedResource: () => true,
      },
    },
    enabledJWA: { dPoPSigningAlgValues: Object.keys(keyTypes) },
    formats: {
      customizers: {
        jwt(ctx, token, { payload }) {
          if (token.resourceServer.identifier() === 'urn:api:expired') {
            payload.iat -= 7200;
            payload.exp = payload.iat + 3600;
          }
          if (token.sid) {
            payload.sid = token.sid;
          }
        },
      },
    },
    // Everybody is alice and agrees to everything, so the authorization code flow runs through without a form.
    findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid');
      for (const [resource, { scope }] of Object.entries(resources)) {
        grant.addResourceScope(resource, scope);
      }
      await grant.save();
      return grant;
    },
  });
}

// Standard output is for our parent; oidc-provider writes notices there.
console.info = console.error;

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

let keys = newKeys();
let provider;

const server = createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) {
    provider.interactionFinished(request, response, { login: { accountId: 'alice' } }).catch((error) => {
      response.writeHead(500).end(error.message);
    });
    return;
  }
  provider.callback()(request, response);
});

server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const issuer = process.argv[3] || address;
  provider = newProvider(issuer, keys);
  say({ issuer, address, app, namesake, certified, certificateField, resourceServer, redirectURI });

  // The keys of a Provider are fixed, so a rotation puts a new one behind the same port. It starts with an empty store:
  // opaque tokens and sessions of the old one are gone.
  createInterface({ input: process.stdin })
    .on('line', (command) => {
      const fresh = newKeys();
      switch (command) {
        case 'rotate overlap':
          keys = [...fresh, ...keys];
          break;
        case 'rotate replace':
          keys = fresh;
          break;
        default:
          say({ error: `unknown command ${command}` });
          return;
      }
      provider = newProvider(issuer, keys);
      say({ kids: keys.map(({ kid }) => kid) });
    })
    .on('close', () => process.exit(0));
});

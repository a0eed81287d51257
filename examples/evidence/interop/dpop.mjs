// A client whose tokens are bound to a key of its own (RFC 9449). oauth4webapi gets them, and calls the API with them; jose
// makes the proofs that no well-behaved client would send.
//
// The one argument is JSON: issuer, client (id and secret), resources, algorithms and api, a URL to GET. For every resource and
// algorithm it prints a line of JSON for each request to the API: what was tried, and status and error of the answer.

import { createHash, randomUUID } from 'node:crypto';

import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';

const { issuer, client: registered, resources, algorithms, api } = JSON.parse(process.argv[2]);

const insecure = { [oauth.allowInsecureRequests]: true }; // http, on this machine
const client = { client_id: registered.id };
const clientAuth = oauth.ClientSecretBasic(registered.secret);

const discovery = await oauth.discoveryRequest(new URL(issuer), insecure);
const server = await oauth.processDiscoveryResponse(new URL(issuer), discovery);

// once more, with the nonce that came with the refusal and that DPoP has kept
async function withNonce(request) {
  try {
    return await request();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return request();
  }
}

async function boundToken(resource, DPoP) {
  const parameters = { resource, scope: 'orders:read' };
  let nonce;
  const token = await withNonce(async () => {
    const response = await oauth.clientCredentialsGrantRequest(server, client, clientAuth, parameters, { ...insecure, DPoP });
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    return oauth.processClientCredentialsResponse(server, client, response);
  });
  if (token.token_type !== 'dpop') throw new Error(`token_type is ${token.token_type}`);
  return { token: token.access_token, nonce };
}

async function proof({ privateKey, publicKey }, alg, claims) {
  return new SignJWT({ jti: randomUUID(), htm: 'GET', htu: api, ...claims })
    .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: await exportJWK(publicKey) })
    .setIssuedAt()
    .sign(privateKey);
}

function summary(headers, status) {
  const challenges = headers.get('www-authenticate') ?? '';
  return { status, error: /error="([^"]*)"/.exec(challenges)?.[1] ?? '' };
}

async function send(authorization, dpop) {
  const response = await fetch(api, { headers: { authorization, ...(dpop && { dpop }) } });
  await response.text();
  return { ...summary(response.headers, response.status), nonce: response.headers.get('dpop-nonce') };
}

async function play(resource, alg) {
  const say = (request, { status, error }) => console.log(JSON.stringify({ resource, alg, request, status, error }));
  const keys = await generateKeyPair(alg, { extractable: true });
  const stranger = await generateKeyPair(alg, { extractable: true });
  const DPoP = oauth.DPoP(client, keys);
  const { token, nonce: foreignNonce } = await boundToken(resource, DPoP);
  const ath = createHash('sha256').update(token).digest('base64url');
  const call = () => oauth.protectedResourceRequest(token, 'GET', new URL(api), undefined, undefined, { ...insecure, DPoP });

  try {
    say('oauth4webapi, first', summary((await call()).headers, 200));
  } catch (error) {
    say('oauth4webapi, first', summary(error.response.headers, error.status));
  }
  const second = await withNonce(call);
  say('oauth4webapi, with the nonce', summary(second.headers, second.status));

  const { nonce } = await send(`DPoP ${token}`, await proof(keys, alg, { ath }));
  const good = await proof(keys, alg, { ath, nonce });
  say('jose', await send(`DPoP ${token}`, good));
  say('the same proof again', await send(`DPoP ${token}`, good));
  say('the nonce of the authorization server', await send(`DPoP ${token}`, await proof(keys, alg, { ath, nonce: foreignNonce })));
  say('another key', await send(`DPoP ${token}`, await proof(stranger, alg, { ath, nonce })));
  say('another method', await send(`DPoP ${token}`, await proof(keys, alg, { ath, nonce, htm: 'POST' })));
  say('another address', await send(`DPoP ${token}`, await proof(keys, alg, { ath, nonce, htu: `${api}/4` })));
  say('no ath', await send(`DPoP ${token}`, await proof(keys, alg, { nonce })));
  say('as Bearer', await send(`Bearer ${token}`, await proof(keys, alg, { ath, nonce })));
  say('as Bearer, without a proof', await send(`Bearer ${token}`));
}

for (const resource of resources) {
  for (const alg of algorithms) {
    await play(resource, alg);
  }
}

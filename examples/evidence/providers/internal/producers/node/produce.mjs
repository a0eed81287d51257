// Tokens and keys made with npm's jose and jsonwebtoken, as their documentation shows. Arguments: issuer and audience. One line of JSON
// comes out.

import { createSecretKey, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';

import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

const [issuer, audience] = process.argv.slice(2);
const other = 'https://other.example.com';
const made = [];

async function tokens(encode) {
  return {
    good: await encode({}),
    expired: await encode({ lifetime: '-5m' }),
    other: await encode({ audience: other }),
    id: await encode({ claims: { scope: 'openid', nonce: 'n-0S6_WzA2Mj' } }),
  };
}

function withJose(alg, key) {
  return ({ lifetime = '5m', audience: aud = audience, claims = { scope: 'read' } }) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg })
      .setIssuer(issuer)
      .setSubject('alice')
      .setAudience(aud)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(lifetime)
      .sign(key);
}

for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  made.push({ library: 'jose', algorithm: alg, jwk: await exportJWK(publicKey), tokens: await tokens(withJose(alg, privateKey)) });
}
const secret = randomBytes(32).toString('hex');
made.push({ library: 'jose', algorithm: 'HS256', secret, tokens: await tokens(withJose('HS256', new TextEncoder().encode(secret))) });

function withJsonwebtoken(algorithm, key) {
  return ({ lifetime = '5m', audience: aud = audience, claims = { scope: 'read' } }) =>
    jsonwebtoken.sign(claims, key, { algorithm, issuer, audience: aud, subject: 'alice', jwtid: randomUUID(), expiresIn: lifetime });
}

for (const [algorithm, type, options] of [
  ['RS256', 'rsa', { modulusLength: 2048 }],
  ['PS256', 'rsa', { modulusLength: 2048 }],
  ['ES256', 'ec', { namedCurve: 'P-256' }],
]) {
  const { publicKey, privateKey } = generateKeyPairSync(type, options);
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  made.push({ library: 'jsonwebtoken', algorithm, pem, tokens: await tokens(withJsonwebtoken(algorithm, privateKey)) });
}
made.push({
  library: 'jsonwebtoken',
  algorithm: 'HS256',
  secret,
  tokens: await tokens(withJsonwebtoken('HS256', createSecretKey(secret, 'utf8'))),
});

console.log(JSON.stringify(made));

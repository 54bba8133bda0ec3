import { createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

/** Somebody who signs tokens, by ES256. */
export interface Issuer {
  /** Names the key in the header of its tokens. */
  readonly keyId: string;
  readonly publicKeyPem: string;
  /** The public key as a server of keys publishes it. */
  readonly jwk: Readonly<Record<string, unknown>>;
  /** A signed token; valid for an hour unless the claims say otherwise. */
  issue(claims: Readonly<Record<string, unknown>>): string;
}

const HOUR_S = 3600;

export function createIssuer(): Issuer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' });
  const keyId = randomUUID();
  return {
    keyId,
    publicKeyPem,
    jwk: { ...createPublicKey(publicKeyPem).export({ format: 'jwk' }), kid: keyId },
    issue(claims) {
      const now = Math.floor(Date.now() / 1000);
      const header = { alg: 'ES256', typ: 'JWT', kid: keyId };
      const signed = [header, { iat: now, exp: now + HOUR_S, jti: randomUUID(), ...claims }]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${signed}.${signature.toString('base64url')}`;
    },
  };
}

/** The claims of a token, unchecked. */
export function claimsOf(token: string): Record<string, unknown> {
  const [, claims = ''] = token.split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
}

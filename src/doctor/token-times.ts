/** The times that a signed token (JWT) tells of itself, in milliseconds since 1970; nothing is verified. Undefined for no JWT. */
export function readTokenTimes(
  text: string,
): { readonly issuedAt: number | undefined; readonly expiresAt: number | undefined } | undefined {
  const [, payload, signature] = text.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null) return undefined;
    return { issuedAt: time(Reflect.get(claims, 'iat')), expiresAt: time(Reflect.get(claims, 'exp')) };
  } catch {
    return undefined;
  }
}

function time(seconds: unknown): number | undefined {
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

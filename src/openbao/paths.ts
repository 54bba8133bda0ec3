// Paths below /v1/. Their parts were checked against strict patterns before (keystore-contract/key-id.ts,
// src/config): no segment can be empty, a dot segment, or hold `/`, `?`, `#` or `%`.

/** `<mount>/keys/<name>` */
export function keyPath(mount: string, name: string): string {
  return `${mount}/keys/${name}`;
}

/** `<mount>/encrypt/<name>` and its siblings. */
export function cryptoPath(mount: string, operation: 'encrypt' | 'decrypt' | 'rewrap', name: string): string {
  return `${mount}/${operation}/${name}`;
}

/** `auth/<mount>/login` */
export function loginPath(authMount: string): string {
  return `auth/${authMount}/login`;
}

/** What a token needs of itself, whatever the method that issued it. */
export const TOKEN_PATHS = {
  lookupSelf: 'auth/token/lookup-self',
  renewSelf: 'auth/token/renew-self',
  revokeSelf: 'auth/token/revoke-self',
} as const;

/** Tells the kind of a mount to any token that has rights on it; needs no policy line of its own. */
export function mountPath(mount: string): string {
  return `sys/internal/ui/mounts/${mount}`;
}

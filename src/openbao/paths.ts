// Paths below /v1/. Their parts were checked against strict patterns before (keystore-contract/key-id.ts,
// src/config): no segment can be empty, a dot segment, or hold `/`, `?`, `#` or `%`.

/** `<mount>/keys/<name>` */
export function keyPath(mount: string, name: string): string {
  return `${mount}/keys/${name}`;
}

/** `<mount>/keys/<name>/<verb>` */
export function keyVerbPath(
  mount: string,
  name: string,
  verb: 'config' | 'import' | 'soft-delete' | 'soft-delete-restore',
): string {
  return `${keyPath(mount, name)}/${verb}`;
}

/** `<mount>/wrapping_key` */
export function wrappingKeyPath(mount: string): string {
  return `${mount}/wrapping_key`;
}

/** Where KV version 2 keeps what a secret holds. */
export function secretPath(mount: string, name: string): string {
  return `${mount}/data/${name}`;
}

/** Tells of a response-wrapping token where and when it was made, and does not use it up. */
export const WRAPPING_LOOKUP = 'sys/wrapping/lookup';

/** Tells a token what it may do. */
export const CAPABILITIES_PATH = 'sys/capabilities-self';

/** `<mount>/encrypt/<name>` and its siblings. */
export function cryptoPath(mount: string, operation: 'encrypt' | 'decrypt' | 'rewrap', name: string): string {
  return `${mount}/${operation}/${name}`;
}

/** `auth/<mount>/login` */
export function loginPath(authMount: string): string {
  return `auth/${authMount}/login`;
}

/** Where an AppRole's secret ids are made. */
export function secretIdPath(authMount: string, role: string): string {
  return `auth/${authMount}/role/${role}/secret-id`;
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

/** `sys/mounts/<mount>`: a secrets engine. */
export function enginePath(mount: string): string {
  return `sys/mounts/${mount}`;
}

/** `sys/auth/<mount>`: an auth method. */
export function authMethodPath(mount: string): string {
  return `sys/auth/${mount}`;
}

/** `sys/namespaces/<name>`, one level below the namespace of the request. */
export function namespacePath(name: string): string {
  return `sys/namespaces/${name}`;
}

/** `sys/policies/acl/<name>`; without a name all of them. */
export function policyPath(name?: string): string {
  return name === undefined ? 'sys/policies/acl' : `sys/policies/acl/${name}`;
}

/** `auth/<mount>/certs/<role>`; without a role all of them. */
export function certificateRolePath(authMount: string, role?: string): string {
  return role === undefined ? `auth/${authMount}/certs` : `auth/${authMount}/certs/${role}`;
}

/** `<mount>/keys`: the names of all keys. */
export function keyListPath(mount: string): string {
  return `${mount}/keys`;
}

/** `<mount>/config/keys`: what holds for every key of a Transit mount. */
export function keySettingsPath(mount: string): string {
  return `${mount}/config/keys`;
}

/** Names of tokens that are good for finding and revoking them, and for nothing else. */
export const ACCESSOR_PATHS = {
  all: 'auth/token/accessors',
  lookup: 'auth/token/lookup-accessor',
  revoke: 'auth/token/revoke-accessor',
} as const;

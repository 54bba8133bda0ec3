import type { SourceRef } from '../../config/source-ref.ts';
import { loginPath } from '../paths.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type LoginMethod, USUAL_REST } from './login-method.ts';
import { type ReadValue, readCredential } from './read-value.ts';
import { judgeBy, type RefusalRow } from './refusal.ts';

const REFUSALS: readonly RefusalRow[] = [
  { status: 400, text: /missing (role|token)/, class: 'login-refused' },
  { status: 400, text: /role ".*" could not be found|role with oidc role_type/, class: 'login-refused' },
  // Keys that OpenBao cannot fetch at the moment say nothing about the token.
  { status: 400, text: /error validating token: (?!.*fetching keys)/, class: 'login-refused' },
  { status: 400, text: /error validating claims|claim ".*" not found in token/, class: 'login-refused' },
  { status: 400, text: /audience claim found in JWT/, class: 'login-refused' },
];

/** JWT: a signed token from a file that its issuer replaces, read at each login. */
export function createJwt(options: {
  readonly mount: string;
  /** Absent: the default role of the mount. */
  readonly role: string | undefined;
  readonly token: SourceRef;
  readonly read: ReadValue;
}): LoginMethod {
  const { mount, read, role, token } = options;
  return {
    name: 'jwt',
    rest: USUAL_REST,
    async prepare() {
      const jwt = await readCredential(read, token);
      const body = role === undefined ? { jwt } : { role, jwt };
      return { verb: 'write', path: loginPath(mount), body, fingerprint: fingerprintOf(jwt) };
    },
    judge: (answer) => judgeBy(REFUSALS, answer),
  };
}

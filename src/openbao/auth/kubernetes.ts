import type { SourceRef } from '../../config/source-ref.ts';
import { loginPath } from '../paths.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type LoginMethod, USUAL_REST } from './login-method.ts';
import { type ReadValue, readCredential } from './read-value.ts';
import { judgeBy, type RefusalRow } from './refusal.ts';

// A bare 403 is not on the list: OpenBao answers so when the Kubernetes API is down, too.
const REFUSALS: readonly RefusalRow[] = [
  { status: 400, text: /missing (role|jwt)|invalid role name/, class: 'login-refused' },
  { status: 403, text: /service account name not authorized/, class: 'login-refused' },
  { status: 403, text: /namespace not authorized/, class: 'login-refused' },
  { status: 403, text: /invalid (expiration time|audience|issuer|subject|not before)/, class: 'login-refused' },
];

/** Kubernetes: the projected service account token, which kubelet replaces, read at each login. */
export function createKubernetes(options: {
  readonly mount: string;
  readonly role: string;
  readonly token: SourceRef;
  readonly read: ReadValue;
}): LoginMethod {
  const { mount, read, role, token } = options;
  return {
    name: 'kubernetes',
    rest: USUAL_REST,
    async prepare() {
      const jwt = await readCredential(read, token);
      return { verb: 'write', path: loginPath(mount), body: { role, jwt }, fingerprint: fingerprintOf(jwt) };
    },
    judge: (answer) => judgeBy(REFUSALS, answer),
  };
}

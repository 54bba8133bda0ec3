import { loginPath } from '../paths.ts';
import type { LoginMethod } from './login-method.ts';
import { judgeBy, type RefusalRow } from './refusal.ts';

const REFUSALS: readonly RefusalRow[] = [
  { status: 400, text: /no client certificate/, class: 'login-refused' },
  { status: 400, text: /invalid certificate/, class: 'login-refused' },
  { status: 400, text: /no chain matching all constraints/, class: 'login-refused' },
  // Expired, not for client authentication, …: final for this certificate although the status says otherwise.
  { status: 500, text: /failed to verify client's certificate/, class: 'login-refused' },
  // There is no lockout for this method: this is a mount that does not exist or is no certificate mount.
  { status: 403, text: /permission denied/, class: 'login-refused' },
];

/** TLS certificate login with the certificate of the session's connections. */
export function createCallCertificate(options: {
  readonly mount: string;
  readonly roleName: string | undefined;
  readonly fingerprint: string;
}): LoginMethod {
  const credential = {
    path: loginPath(options.mount),
    body: options.roleName === undefined ? {} : { name: options.roleName },
    fingerprint: options.fingerprint,
  };
  return {
    name: 'callCertificate',
    rest: { firstMs: 5000, maxMs: 300_000, untilChanged: false },
    prepare: () => Promise.resolve(credential),
    judge: (answer) => judgeBy(REFUSALS, answer),
  };
}

import { loginPath } from '../paths.ts';
import { type LoginMethod, USUAL_REST } from './login-method.ts';
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

/** TLS certificate login with the certificate of the session's connections, the call's own or the process's. */
export function createCertificate(options: {
  readonly name: 'callCertificate' | 'cert';
  readonly mount: string;
  /** Absent: every role is tried. */
  readonly role: string | undefined;
  /** Tells the certificate that the next connections show. */
  readonly fingerprint: () => Promise<string>;
}): LoginMethod {
  const { fingerprint, mount, name, role } = options;
  const body = role === undefined ? {} : { name: role };
  return {
    name,
    rest: USUAL_REST,
    prepare: async () => ({ verb: 'write', path: loginPath(mount), body, fingerprint: await fingerprint() }),
    judge: (answer) => judgeBy(REFUSALS, answer),
  };
}

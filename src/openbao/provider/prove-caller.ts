import type { CallCertificate } from '../../keystore/call.ts';
import type { ClientCertificate } from '../client-certificate.ts';
import type { OpenSession } from '../open-session.ts';
import type { ClusterTarget } from '../target.ts';
import type { KeystorePlace } from './place.ts';

/** What a proof is made with. */
export interface ProofOptions {
  /** The configured servers: nothing that a call brings says where its certificate is shown. */
  readonly cluster: ClusterTarget;
  readonly readCertificate: (certificate: CallCertificate) => ClientCertificate;
  readonly open: OpenSession;
}

/**
 * Lets OpenBao say whether a certificate may come in a role, by a login; its token is revoked at once. What may be done is
 * not the certificate's to do, but the operator's for it.
 *
 * @throws KeystoreError `login-refused` and the other failures of a login.
 */
export async function proveCaller(
  { cluster, open, readCertificate }: ProofOptions,
  caller: { readonly certificate: CallCertificate; readonly place: KeystorePlace; readonly role: string },
  signal: AbortSignal,
): Promise<void> {
  const { authMount: mount, namespace, stateMount, transitMount } = caller.place;
  const certificate = readCertificate(caller.certificate);
  const session = open({
    cluster,
    namespace,
    transitMount,
    stateMount,
    stateMountMayBeMissing: false,
    identity: { method: 'callCertificate', mount, roleName: caller.role, certificate },
    credential: certificate.fingerprint,
    // Shared with nobody.
    sessionKey: '',
  });
  try {
    await session.ready(signal);
  } finally {
    await session.close(signal);
  }
}

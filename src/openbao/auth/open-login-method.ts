import type { PluginConfiguration } from '../../config/configuration.ts';
import type { Identity } from '../target.ts';
import { createAppRole, type ReadValue } from './approle.ts';
import { createCallCertificate } from './call-certificate.ts';
import type { LoginMethod } from './login-method.ts';

/** The login method of an identity. */
export function openLoginMethod(identity: Identity, auth: PluginConfiguration['auth'], read: ReadValue): LoginMethod {
  if (identity.method === 'callCertificate') {
    return createCallCertificate({
      mount: identity.mount,
      roleName: identity.roleName,
      fingerprint: identity.certificate.fingerprint,
    });
  }
  if (auth.method !== identity.method) throw new Error('the identity is not the configured one');
  return createAppRole({ mount: auth.mount, roleId: auth.roleId, secretId: auth.secretId, read });
}

import type { PluginConfiguration } from './configuration.ts';

type ProcessAuth = Exclude<PluginConfiguration['auth'], { method: 'callCertificate' }>;

/** Where the process logs in and as what. A token was made elsewhere; where the method knows no role there is none. */
export function processLogin(auth: ProcessAuth): {
  readonly mount: string | undefined;
  readonly role: string | undefined;
} {
  return auth.method === 'token' ? { mount: undefined, role: undefined } : { mount: auth.mount, role: auth.role };
}

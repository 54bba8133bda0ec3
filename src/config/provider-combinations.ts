import type { PluginType } from '../../keystore-contract/plugin-types.ts';
import { parseAddress } from './address-rules.ts';
import { plainHttp } from './combinations.ts';
import type { ConfigurationProblem } from './configuration-error.ts';
import { selectJson } from './json-path.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** What is wrong between the `provider` keys and the rest; see `combinationProblems`. */
export function* providerProblems(document: unknown, type: PluginType): Generator<ConfigurationProblem> {
  const provider = selectJson(document, ['provider']);
  if (provider === undefined) return;
  if (type !== 'KeystoreProvider') {
    yield { path: 'provider', message: 'is for the plugin type KeystoreProvider only' };
    return;
  }
  // Keystores are made by nobody's certificate: CMK sends none with CreateKeystore.
  const method = selectJson(document, ['auth', 'method']) ?? 'callCertificate';
  if (method === 'callCertificate') {
    yield { path: 'auth.method', message: 'must be an identity of the process when provider is given' };
  }
  const text = selectJson(provider, ['address']);
  const address = typeof text === 'string' ? parseAddress(text) : undefined;
  if (address !== undefined) {
    yield* plainHttp('provider.address', address, selectJson(document, ['development']) === true);
  }
  const ttl = seconds(selectJson(provider, ['tokenTtl']) ?? DEFAULT_TTLS.tokenTtl);
  const maxTtl = seconds(selectJson(provider, ['tokenMaxTtl']) ?? DEFAULT_TTLS.tokenMaxTtl);
  if (ttl > maxTtl) yield { path: 'provider.tokenTtl', message: 'must not be longer than provider.tokenMaxTtl' };
}

/** Lifetimes of the tokens of roles that the provider makes. */
export const DEFAULT_TTLS = { tokenTtl: '1h', tokenMaxTtl: '4h' } as const;

/** Whether a text is a number and a unit, as OpenBao takes it: `90s`, `30m`, `4h`. */
export function isDuration(text: string): boolean {
  return /^[1-9][0-9]{0,5}[smh]$/.test(text);
}

// NaN, which compares as neither, for what is no duration: that is reported as such.
function seconds(text: unknown): number {
  return typeof text === 'string' && isDuration(text)
    ? Number(text.slice(0, -1)) * (SECONDS[text.slice(-1)] ?? NaN)
    : NaN;
}

import { isLoopback, parseAddress, parseAddressPattern, type AddressPattern } from './address-rules.ts';
import { formatPath, type ConfigurationProblem } from './configuration-error.ts';
import { selectJson } from './json-path.ts';
import { DEFAULT_SIZES, neededAnswerBytes } from './size-limits.ts';

/**
 * What is wrong between keys that are each well-formed. Reads the document as it was written: its other faults are reported
 * in the same answer, so nothing about its shape is taken for granted.
 */
export function* combinationProblems(document: unknown): Generator<ConfigurationProblem> {
  const development = selectJson(document, ['development']) === true;
  const addresses = list(selectJson(document, ['openbao', 'addresses']));
  const seen = new Set<string>();

  for (const [index, text] of addresses.entries()) {
    const path = formatPath(['openbao', 'addresses', index]);
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    if (address === undefined) continue;
    yield* plainHttp(path, address, development);
    if (seen.has(address.origin)) yield { path, message: 'is in the list already' };
    seen.add(address.origin);
  }

  for (const [index, entry] of list(selectJson(document, ['openbao', 'allowedAddresses'])).entries()) {
    const pattern = selectJson(entry, ['pattern']);
    const address = typeof pattern === 'string' ? parseAddressPattern(pattern) : undefined;
    if (address !== undefined)
      yield* plainHttp(formatPath(['openbao', 'allowedAddresses', index, 'pattern']), address, development);
  }

  const { maxAnswerBytes, maxPlaintextBytes } = sizes(document);
  if (maxAnswerBytes < neededAnswerBytes(maxPlaintextBytes)) {
    yield { path: 'limits.maxAnswerBytes', message: 'must let the answer for limits.maxPlaintextBytes through' };
  }

  if (selectJson(document, ['auth', 'method']) !== 'approle') return;
  if (addresses.length === 0) {
    yield { path: 'openbao.addresses', message: 'must name at least one address when auth.method is approle' };
  }
  const secretId = selectJson(document, ['auth', 'secretId']);
  const isFile = typeof secretId !== 'object' || selectJson(secretId, ['source']) === 'file';
  if (!isFile && !development) {
    yield { path: 'auth.secretId.source', message: 'must be file; embedded and env need development: true' };
  }
}

function* plainHttp(path: string, address: AddressPattern, development: boolean): Generator<ConfigurationProblem> {
  if (address.scheme === 'https') return;
  if (!development) yield { path, message: 'must be https; http needs development: true and a loopback address' };
  else if (!isLoopback(address)) yield { path, message: 'must be https; http is for a loopback address only' };
}

function sizes(document: unknown): Record<keyof typeof DEFAULT_SIZES, number> {
  const size = (name: keyof typeof DEFAULT_SIZES): number => {
    const value = selectJson(document, ['limits', name]);
    return typeof value === 'number' ? value : DEFAULT_SIZES[name];
  };
  return { maxAnswerBytes: size('maxAnswerBytes'), maxPlaintextBytes: size('maxPlaintextBytes') };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

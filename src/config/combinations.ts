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

  yield* authProblems(document, development, addresses.length);
}

function* authProblems(document: unknown, development: boolean, addresses: number): Generator<ConfigurationProblem> {
  const auth = selectJson(document, ['auth']);
  const method = selectJson(auth, ['method']);
  if (typeof method !== 'string' || !PROCESS_METHODS.has(method)) return;
  if (addresses === 0) {
    yield {
      path: 'openbao.addresses',
      message: `must name at least one address when auth.method is ${method}`,
    };
  }
  if (method === 'token' && !development) yield { path: 'auth.method', message: 'token needs development: true' };
  for (const name of SECRETS[method] ?? []) {
    const secret = selectJson(auth, [name]);
    const isFile = typeof secret !== 'object' || selectJson(secret, ['source']) === 'file';
    if (isFile || development) continue;
    yield { path: `auth.${name}.source`, message: 'must be file; embedded and env need development: true' };
  }
  if (method === 'approle') yield* secretIdProblems(auth);
}

const PROCESS_METHODS: ReadonlySet<string> = new Set(['approle', 'kubernetes', 'jwt', 'cert', 'token']);

/** Keys of each method that hold secrets. */
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  approle: ['secretId', 'secretIdWrapped'],
  cert: ['key'],
};

function* secretIdProblems(auth: unknown): Generator<ConfigurationProblem> {
  const [plain, wrapped] = [selectJson(auth, ['secretId']), selectJson(auth, ['secretIdWrapped'])];
  if (plain === undefined && wrapped === undefined) yield { path: 'auth.secretId', message: 'is missing' };
  if (plain !== undefined && wrapped !== undefined) {
    yield { path: 'auth.secretIdWrapped', message: 'must not be given beside auth.secretId' };
  }
  if (wrapped !== undefined && selectJson(auth, ['role']) === undefined) {
    yield { path: 'auth.role', message: 'is missing: it tells where the wrapped secret id was made' };
  }
}

/** Plain http is for a loopback address in development. */
export function* plainHttp(
  path: string,
  address: AddressPattern,
  development: boolean,
): Generator<ConfigurationProblem> {
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

// What an audit record costs a call: the handling of one call in this process, without network and keystore, for each
// setting, in turns. `node bench/audit.ts`, in the pinned runtime; the figures are nanoseconds of processor time per call.
import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js';

import { parseConfiguration } from '../src/config/parse.ts';
import type { CallPlace } from '../src/keystore/call.ts';
import { createLogger } from '../src/logging/logger.ts';
import { Audit } from '../src/rpc/audit.ts';
import { unary } from '../src/rpc/unary.ts';

const CALLS = 20_000;
const ROUNDS = 9;

const SETTINGS = { none: '{}', call: '{ level: info }', full: '{ level: info, detail: full }' } as const;

const PLACE: CallPlace = {
  cluster: { origins: ['https://bao.example.com:8200'] },
  namespace: 'team',
  transitMount: 'transit',
  identity: { method: 'approle', mount: 'approle', roleName: undefined },
};

interface Request {
  readonly keyId: string;
}

/** Serves calls one after the other as grpc-js hands them over. */
function server(audit: Audit | undefined, level: 'debug' | 'info'): (count: number) => Promise<void> {
  // As a host does that keeps everything from this level on.
  const log = createLogger({ level, write: () => undefined });
  const handle = unary<Request, object>(
    { log, stopSignal: new AbortController().signal, audit: { current: audit } },
    {
      rpc: 'Encrypt',
      face: 'crypto',
      budgetMs: () => 1200,
      describe: ({ keyId }) => ({ key_id: keyId }),
      handle: (_request, { trace }) => {
        trace.place = PLACE;
        trace.path = 'transit/encrypt/l1';
        trace.tokenAccessor = 'accessor';
        trace.openbaoRequestIds.push('f3b4c1d2-0000-4000-8000-000000000001');
        return Promise.resolve({});
      },
    },
  );
  const call = {
    request: { keyId: 'l1' },
    metadata: new Metadata(),
    getDeadline: () => Infinity,
    on: () => undefined,
    removeListener: () => undefined,
  } as unknown as ServerUnaryCall<Request, object>;
  return async (count) => {
    for (let made = 0; made < count; made += 1) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      handle(call, () => resolve(undefined));
      await promise;
    }
  };
}

const variants = (['info', 'debug'] as const).flatMap((level) =>
  Object.entries(SETTINGS).map(([name, text]) => {
    const { audit } = parseConfiguration(`audit: ${text}`, { type: 'KeystoreInstanceKeyOperation' });
    return { name: `audit ${name}, log from ${level}`, serve: server(Audit.of(audit), level), times: [] as number[] };
  }),
);
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const { serve, times } of variants) {
    const before = process.cpuUsage();
    await serve(CALLS);
    const { system, user } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) times.push(((system + user) * 1000) / CALLS);
  }
}
for (const { name, times } of variants) {
  const median = times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  process.stdout.write(`${name.padEnd(32)} ${median.toFixed(0).padStart(7)} ns\n`);
}

import { status } from '@grpc/grpc-js';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { DecryptRequest, EncryptRequest } from '../../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { GetKeyRequest } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { startCountingServer } from '../../support/counting-server.ts';
import { assertHclogLine } from '../../support/hclog-line.ts';
import { bundle, startPlugin, type Program } from '../../support/plugin-process.ts';
import { openStreams } from '../../support/plugin-streams.ts';

const { bootstrap, config, cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
const BUDGET_MS = 200;

const programs = (): [string, Program][] => [
  ['executable', [builtPlugin()]],
  ['bundle', bundle()],
];

// The stop of every plugin of this layer looks at its lines in the same way.
test.each(programs())(
  'P37 R-PROC-40 every line of the %s, from the first to the last, is a log entry',
  async (_, program) => {
    await using server = await startCountingServer();
    await using plugin = await startPlugin({ program });
    const streams = openStreams(plugin);
    streams.broker.write({ serviceId: 1, network: 'unix', address: '/x', knock: undefined });
    await plugin.call(bootstrap.init, { hostServiceNames: [] });
    await plugin.refusal(keyOperation.getKey, GetKeyRequest.create());
    await plugin.refusal(config.configure, { yamlConfiguration: 'two: [\nlines' });
    await plugin.call(config.configure, { yamlConfiguration: server.yaml(BUDGET_MS) });
    for (const keyId of ['', 'a\nb', '\u2028"}', 'l1']) {
      await plugin.refusal(keyOperation.getKey, GetKeyRequest.create({ parameters: { keyId } }));
    }
    plugin.kill('SIGINT');
    await plugin.logged(({ message }) => message === 'interrupt ignored');
    await plugin.stop();
    await streams.ended;

    const lines = plugin.output.stderr.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) assertHclogLine(line);
    expect(new Set(plugin.log().map(({ level }) => level))).toEqual(new Set(['debug', 'info', 'warn']));
  },
);

test.each([
  ['text', 'plain text'],
  ['an array', '[]'],
  ['null', 'null'],
  ['no timestamp', '{"@level":"info","@message":"m"}'],
  ['milliseconds', '{"@level":"info","@message":"m","@timestamp":"2026-01-01T00:00:00.000Z"}'],
  ['an unknown level', '{"@level":"fatal","@message":"m","@timestamp":"2026-01-01T00:00:00.000000Z"}'],
  ['a message that is no text', '{"@level":"info","@message":1,"@timestamp":"2026-01-01T00:00:00.000000Z"}'],
])('P37 the check would notice %s', (_, line) => {
  expect(() => assertHclogLine(line)).toThrow();
});

test.each(programs())('R-SEC-01 no secret of a configuration or a call is in the log of the %s', async (_, program) => {
  await using server = await startCountingServer();
  await using plugin = await startPlugin({ program });
  const canary = 'CANARY-77aa';
  await plugin.call(config.configure, { yamlConfiguration: server.yaml(BUDGET_MS) });
  const calls = [
    plugin.refusal(
      cryptoOperation.encrypt,
      EncryptRequest.create({
        parameters: { keyId: 'l1' },
        plaintext: Buffer.from(canary),
        associatedData: Buffer.from(canary),
      }),
    ),
    plugin.refusal(
      cryptoOperation.decrypt,
      DecryptRequest.create({ parameters: { keyId: 'l1' }, ciphertext: Buffer.from(canary) }),
    ),
    plugin.refusal(
      keyOperation.getKey,
      GetKeyRequest.create({
        parameters: { keyId: 'l1', config: { values: { privateKey: canary, address: canary } } },
      }),
    ),
    plugin.refusal(keyOperation.getKey, GetKeyRequest.create({ parameters: { keyId: `${canary}/` } })),
    plugin.refusal(config.configure, { yamlConfiguration: `auth: { method: ${canary}` }),
    plugin.refusal(config.configure, { yamlConfiguration: `auth: { secretId: { value: ${canary} } }` }),
  ];
  const refusals = await Promise.all(calls);
  expect(refusals.map(({ code }) => code)).not.toContain(status.INTERNAL);
  await plugin.stop();
  for (const secret of [canary, Buffer.from(canary).toString('base64'), server.secretId]) {
    expect(plugin.output.stderr).not.toContain(secret);
    expect(JSON.stringify(refusals)).not.toContain(secret);
  }
});

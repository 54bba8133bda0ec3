import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { PROFILES } from '../../../keystore-contract/conformance/case.ts';
import { CONFORMANCE_CASES } from '../../../keystore-contract/conformance/cases/index.ts';
import { runConformance } from '../../../keystore-contract/conformance/runner.ts';
import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { type Canary, isDistinct, searchFor } from '../../support/canaries.ts';
import { connectionSubject } from '../../support/conformance-subject.ts';
import { bundle, type ServingPlugin, startPlugin } from '../../support/plugin-process.ts';
import { type CanaryStage, IDENTITIES, type IdentityKind, startCanaryStage } from './canary-stage.ts';
import { bringKey, type WatchedCalls, watchCalls } from './watched-calls.ts';

const { bootstrap, config, cryptoOperation } = SERVICE_DEFINITIONS;

/** The kinds of secrets that every identity has to do with, and those that each has of its own. */
const KINDS = ['token', 'plaintext', 'ciphertext', 'key material', 'wrapped key material'];
const OWN_KINDS: Readonly<Record<IdentityKind, readonly string[]>> = {
  approle: ['secret id'],
  'approle, wrapped': ['wrapping token', 'secret id'],
  jwt: ['JWT'],
  kubernetes: ['JWT'],
  cert: ['private key', 'number of a private key'],
  callCertificate: ['private key', 'number of a private key'],
};

/** One identity goes through every case; the others through every fourth unless everything is required. */
const casesFor = (kind: IdentityKind) =>
  kind === 'callCertificate' || process.env.REQUIRE_ALL === '1'
    ? CONFORMANCE_CASES
    : CONFORMANCE_CASES.filter((_, index) => index % 4 === 0);

let stage: CanaryStage;
beforeAll(async () => {
  stage = await startCanaryStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

/** All that was written and told: by the plugin, and by whoever prints its failures. */
const visible = ({ output }: ServingPlugin, { failures }: WatchedCalls): string =>
  [output.stdout, output.stderr, ...failures].join('\n');

/** The kinds of canaries of which something is in a text. */
function kindsIn(text: string, canaries: readonly Canary[]): Set<string> {
  const found = searchFor(canaries.filter(({ value }) => isDistinct(value)))(text);
  return new Set(found.map((name) => name.split(', ')[0] ?? ''));
}

describe('the contract, in the executable', () => {
  it.each(IDENTITIES)(
    'R-SEC-01 R-SEC-20 R-SEC-22 no secret is seen with the identity by %s, and no file is left',
    async (kind) => {
      const { canaries: own, stage: around, yaml } = await stage.open(kind);
      const before = await stage.secretsOfServer();
      await using plugin = await startPlugin();
      const calls = watchCalls(plugin);
      const canaries = [...own];
      await calls.call(config.configure, { yamlConfiguration: yaml });
      const cases = casesFor(kind);
      const results = await runConformance({
        subject: connectionSubject(calls),
        stage: around,
        profiles: PROFILES,
        cases,
      });
      await bringKey(calls, { canaries, values: around.facts.values });
      await calls.call(bootstrap.deinit, {});
      // Demands that no report, no snapshot, no core and no other file is left.
      await plugin.stop();

      const server = await stage.secretsOfServer();
      canaries.push(...server, ...calls.canaries);
      const names = new Set(canaries.map(({ name }) => name));
      expect([...KINDS, ...OWN_KINDS[kind]].filter((name) => !names.has(name))).toEqual([]);
      const tokens = (all: readonly Canary[]) => all.filter(({ name }) => name === 'token').length;
      expect(tokens(server)).toBeGreaterThan(tokens(before));
      expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
      expect(plugin.log().length).toBeGreaterThan(cases.length);
      expect(plugin.log().filter(({ message }) => message === 'audit').length).toBeGreaterThan(cases.length);
      expect(calls.failures.length).toBeGreaterThan(cases.length);
      const seen = [visible(plugin, calls), JSON.stringify(results)].join('\n');
      expect([...kindsIn(seen, canaries)]).toEqual([]);
    },
  );
});

describe('a plugin that breaks while secrets are in flight', () => {
  const PRELOAD = join(process.cwd(), 'test/process/plugin/preloads/secrets-in-flight.cjs');
  const ENCRYPT = { at: '/transit/encrypt/', kinds: ['token', 'plaintext'] };
  const SCENES = [
    { kind: 'approle, wrapped', at: ENCRYPT.at, kinds: [...ENCRYPT.kinds, 'secret id', 'wrapping token'] },
    { kind: 'jwt', at: ENCRYPT.at, kinds: [...ENCRYPT.kinds, 'JWT'] },
    { kind: 'callCertificate', at: '/import HTTP', kinds: ['token', 'private key', 'wrapped key material'] },
  ] as const;

  /** Breaks it in the middle of a request. */
  async function breakPlugin({ at, kind }: (typeof SCENES)[number], way: string) {
    const { canaries: own, stage: around, yaml } = await stage.open(kind);
    const flags = ['--report-uncaught-exception', '--report-on-fatalerror', '--require', PRELOAD];
    const plugin = await startPlugin({ program: bundle(...flags), variables: { AT: at, CRASH: way } });
    const calls = watchCalls(plugin);
    const canaries = [...own];
    const { key, values } = around.facts;
    await calls.call(config.configure, { yamlConfiguration: yaml });
    const request = { parameters: { keyId: key, config: { values } }, plaintext: randomBytes(48) };
    const work =
      at === ENCRYPT.at ? calls.call(cryptoOperation.encrypt, request) : bringKey(calls, { canaries, values });
    // What comes of it is among the failures.
    await work.catch(() => undefined);
    return {
      plugin,
      calls,
      canaries: async () => [...canaries, ...calls.canaries, ...(await stage.secretsOfServer())],
      [Symbol.asyncDispose]: () => plugin.stop(),
    };
  }

  /** The kinds of real secrets that were in the error, by their hashes. */
  function kindsInFlight(plugin: ServingPlugin, canaries: readonly Canary[]): Set<string> {
    const entry = plugin.log().find(({ message }) => message === 'secrets are in flight');
    const inFlight = new Set(String(entry?.fields.kinds).split('\n'));
    const real = canaries.filter(({ name, value }) => {
      const text = Buffer.isBuffer(value) ? value.toString('base64') : value;
      return inFlight.has(`${name} ${createHash('sha256').update(text).digest('hex')}`);
    });
    return new Set(real.map(({ name }) => name));
  }

  describe.each(SCENES)('with the identity by $kind, at $at', (scene) => {
    it.each(['exception', 'rejection', 'exception that is no error'])(
      'R-SEC-01 R-SEC-21 R-SEC-22 %s: one error line without them, exit code 1, no file left',
      async (way) => {
        await using broken = await breakPlugin(scene, way);
        const { calls, plugin } = broken;
        expect(await plugin.ended).toEqual({ code: 1, signal: null });
        expect(await readdir(plugin.folder)).toEqual([]);
        const canaries = await broken.canaries();
        expect(kindsInFlight(plugin, canaries)).toEqual(new Set(scene.kinds));
        expect(plugin.log().filter(({ level }) => level === 'error')).toHaveLength(1);
        expect(calls.failures).not.toEqual([]);
        expect([...kindsIn(visible(plugin, calls), canaries)]).toEqual([]);
      },
    );

    it('R-SEC-01 R-SEC-21 in the middle of a call: nothing of them is told', async () => {
      await using broken = await breakPlugin(scene, 'in the middle of a call');
      const { calls, plugin } = broken;
      await plugin.stop();
      const canaries = await broken.canaries();
      expect(kindsInFlight(plugin, canaries)).toEqual(new Set(scene.kinds));
      expect(calls.failures).not.toEqual([]);
      expect([...kindsIn(visible(plugin, calls), canaries)]).toEqual([]);
    });

    it('R-SEC-20 one that logs its requests is found out', async () => {
      await using broken = await breakPlugin(scene, 'log line');
      const { calls, plugin } = broken;
      await plugin.stop();
      const found = kindsIn(visible(plugin, calls), await broken.canaries());
      expect(scene.kinds.filter((kind) => !found.has(kind))).toEqual([]);
    });
  });
});

import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PluginInfo } from '../../plugin-host/index.ts';
import { HealthState, KeyStatus } from '../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { startOpenBao, type OpenBaoServer } from '../openbao/server.ts';
import { leastPolicy, restoreKey, rotateKey, softDeleteKey } from '../openbao/setup.ts';
import { issuedTokens, KEY, POLICY, prepareOpenBao, ROLE } from './customer.ts';
import { createHostLog } from './host-log.ts';
import { installPlugin, loadPlugin, type Plugin } from './operator.ts';
import type { Screen } from './screen.ts';
import { crash, hotSwap } from './under-load.ts';
import { formatBuildInfo, formatTime, refusal, shortened, timed } from './wording.ts';

interface Scene {
  readonly screen: Screen;
  readonly bao: OpenBaoServer;
  readonly plugin: Plugin;
  readonly signal: AbortSignal;
}

/** The one key of the story. Where it is and as whom to ask stands in the plugin's configuration. */
const parameters = { config: undefined, keyId: KEY };

/** From an empty OpenBao to an empty process table. Throws at the first thing that is not as it must be. */
export async function tellStory(screen: Screen, folder: string, signal: AbortSignal): Promise<void> {
  screen.step('The customer prepares OpenBao');
  await using bao = await startOpenBao();
  const handedOver = await prepareOpenBao(bao, join(folder, 'credentials'));
  screen.value('server', `OpenBao ${await versionOf(bao)}, ${bao.address}, pid ${bao.pid}`);
  screen.value('key', `transit/keys/${KEY}, aes256-gcm96: the L1 key, which never leaves OpenBao`);
  screen.value('login', `AppRole ${ROLE}; role id and secret id are handed over in files of mode 0600`);
  screen.value('policy', ...leastPolicy({ key: KEY }).trimEnd().split('\n'));

  screen.step('The operator installs the plugin');
  const installed = await installPlugin(folder, bao, handedOver);
  screen.value('executable', `plugins/${installed.file}, ${(installed.bytes / 2 ** 20).toFixed(1)} MiB`);
  screen.value('SHA-256', installed.sha256);
  screen.value('configuration', ...installed.configuration.trimEnd().split('\n'));
  signal.throwIfAborted();

  screen.step('The host loads it');
  const log = createHostLog();
  const [loaded, took] = await timed(loadPlugin(installed, { logger: log, signal, folder }));
  await using _host = loaded;
  const { plugin } = loaded;
  const { info } = plugin;
  assert(info, 'the plugin is ready');
  showProcess(screen, info, took);

  const scene: Scene = { screen, bao, plugin, signal };
  await login(scene);
  const dataKey = randomBytes(32);
  const ciphertext = await encryptAndDecrypt(scene, dataKey);
  await rotateAndRewrap(scene, dataKey, ciphertext);
  await killSwitch(scene, dataKey, ciphertext);
  await checkHealth(scene);

  await hotSwap(scene, installed);
  assert.deepEqual(log.faults, [], 'the log holds no fault');
  await crash(scene);
  await stopPlugin(scene);
}

function showProcess(screen: Screen, info: PluginInfo, took: string): void {
  const { certificateFingerprint: fingerprint } = info;
  screen.proof('checksum', `as expected${info.hashedBytesRun ? '; the very bytes that were hashed run' : ''}`);
  screen.value('process', `pid ${info.pid}, ready ${took} after the host began to hash the file`);
  screen.value('socket', `${info.network} ${info.address}`);
  screen.value('certificate', `SHA-256 ${fingerprint.slice(0, 47)}`, `${' '.repeat(8)}${fingerprint.slice(48)}`);
  screen.value(
    'protocol',
    `go-plugin 1, application ${info.protocolVersion}, gRPC over mutual TLS with one-time certificates`,
  );
  screen.value('services', ...info.serviceNames);
  screen.value('build', formatBuildInfo(info.buildInfo));
}

async function login({ screen, bao, plugin, signal }: Scene): Promise<void> {
  screen.step('The first call logs in');
  assert.deepEqual(await issuedTokens(bao), [], 'loading the plugin has logged nobody in');
  const [status, took] = await timed(plugin.client.crypto.getKeyStatus({ parameters }, { signal }));
  const [token, ...others] = await issuedTokens(bao);
  assert(token && others.length === 0, 'one login');
  assert.deepEqual(token.policies, [POLICY]);
  assert.equal(status.status, KeyStatus.KEY_STATUS_ENABLED);
  screen.value(
    'in OpenBao',
    `one token, by ${token.method}, policy ${token.policies.join()}, ${token.ttlSeconds} s to live`,
  );
  screen.value('key status', `ENABLED, newest version ${status.latestKeyVersionId}  (${took}, login included)`);
}

async function encryptAndDecrypt({ screen, plugin, signal }: Scene, dataKey: Buffer): Promise<Buffer> {
  const { crypto } = plugin.client;
  screen.step('Encrypt and decrypt');
  const [encrypted, tookEncrypt] = await timed(crypto.encrypt({ parameters, plaintext: dataKey }, { signal }));
  const { ciphertext, keyVersionId } = encrypted;
  const [decrypted, tookDecrypt] = await timed(crypto.decrypt({ parameters, ciphertext }, { signal }));
  assert(decrypted.plaintext.equals(dataKey), 'decrypt gives back what was encrypted');
  screen.value('plaintext', `a data key, ${dataKey.length} bytes, SHA-256 ${digest(dataKey)}`);
  screen.value('encrypt', `${shortened(ciphertext)}  key version ${keyVersionId}  (${tookEncrypt})`);
  screen.proof(
    'decrypt',
    `${decrypted.plaintext.length} bytes, SHA-256 ${digest(decrypted.plaintext)}  (${tookDecrypt})`,
  );
  return ciphertext;
}

async function rotateAndRewrap({ screen, bao, plugin, signal }: Scene, dataKey: Buffer, old: Buffer): Promise<void> {
  const { crypto, operations } = plugin.client;
  screen.step('The customer rotates the key');
  await rotateKey(bao, { key: KEY });
  const fresh = await crypto.encrypt({ parameters, plaintext: dataKey }, { signal });
  assert.equal(fresh.keyVersionId, '2');
  const decrypted = await crypto.decrypt({ parameters, ciphertext: old }, { signal });
  assert(decrypted.plaintext.equals(dataKey), 'the old ciphertext still decrypts');
  screen.value('encrypt', `${shortened(fresh.ciphertext)}  key version ${fresh.keyVersionId}`);
  screen.proof('old ciphertext', `still decrypts, with version ${decrypted.keyVersionId}`);

  screen.step('Rewrap to the new version');
  const [rewrapped, took] = await timed(crypto.rewrap({ parameters, ciphertext: old }, { signal }));
  const again = await crypto.decrypt({ parameters, ciphertext: rewrapped.ciphertext }, { signal });
  assert(again.plaintext.equals(dataKey) && again.keyVersionId === '2', 'the rewrapped ciphertext decrypts');
  screen.value('before', shortened(old));
  screen.value('after', `${shortened(rewrapped.ciphertext)}  (${took}; the plaintext stayed in OpenBao)`);
  screen.proof('decrypt', `the same data key, with version ${again.keyVersionId}`);
  const { versions } = await operations.getKeyVersions({ parameters }, { signal });
  screen.value(
    'versions',
    ...versions.map(({ versionId, creationTime }) => `${versionId}  ${formatTime(creationTime)}`),
  );
}

async function killSwitch({ screen, bao, plugin, signal }: Scene, dataKey: Buffer, ciphertext: Buffer): Promise<void> {
  const { crypto } = plugin.client;
  screen.step('The customer pulls the kill switch: soft-delete');
  await softDeleteKey(bao, { key: KEY });
  const refused = {
    encrypt: () => crypto.encrypt({ parameters, plaintext: dataKey }, { signal }),
    decrypt: () => crypto.decrypt({ parameters, ciphertext }, { signal }),
    rewrap: () => crypto.rewrap({ parameters, ciphertext }, { signal }),
  };
  for (const [name, call] of Object.entries(refused)) screen.proof(name, await refusal(call(), 'KEY_DISABLED'));
  const { status } = await crypto.getKeyStatus({ parameters }, { signal });
  assert.equal(status, KeyStatus.KEY_STATUS_DISABLED);
  screen.proof('key status', 'DISABLED');

  screen.step('The customer restores the key');
  await restoreKey(bao, { key: KEY });
  const { plaintext } = await crypto.decrypt({ parameters, ciphertext }, { signal });
  assert(plaintext.equals(dataKey), 'the ciphertext decrypts again');
  screen.proof('decrypt', 'the same data key again; nothing was lost, nobody logged in anew');
  assert.equal((await issuedTokens(bao)).length, 1, 'still the one token');
}

async function checkHealth({ screen, plugin, signal }: Scene): Promise<void> {
  screen.step('Health');
  const answer = await plugin.client.crypto.checkHealth({ config: undefined, deep: false }, { signal });
  assert.equal(answer.state, HealthState.HEALTH_STATE_ACTIVE);
  screen.proof('keystore', `ACTIVE: ${answer.provider} ${answer.providerVersion}`);
  screen.value('endpoints', ...answer.endpoints.map(({ id, role }) => `${id}  ${role}`));
}

async function stopPlugin({ screen, bao, plugin }: Scene): Promise<void> {
  screen.step('The host stops the plugin');
  const { info } = plugin;
  assert(info, 'the plugin is ready');
  const before = await issuedTokens(bao);
  const [, stopped] = await timed(plugin.close());
  assert(!isRunning(info.pid), 'the process is gone');
  assert(!existsSync(info.address), 'the socket is gone');
  // What a killed process leaves ends by itself; the swapped one revoked its own.
  const [left, ...others] = await issuedTokens(bao);
  assert(before.length === 2 && left && others.length === 0, 'nothing is left but the token of the killed process');
  screen.proof('process', `pid ${info.pid} ended by itself, ${stopped} after Shutdown`);
  screen.proof('socket', 'removed');
  screen.proof('token', `revoked; that of the killed process ends by itself, in ${left.ttlSeconds} s`);
}

async function versionOf(bao: OpenBaoServer): Promise<string> {
  const { body } = (await bao.request('GET', 'sys/health')) as { body: { version: string } };
  return body.version;
}

function digest(bytes: Buffer): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}…`;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { administer, configureKey, createKey, rotateKey } from '../../../scripts/openbao/setup.ts';
import { documentedBlocks } from '../../support/operations-document.ts';
import { until } from '../../support/until.ts';
import { type Installation, install } from './installation.ts';
import { KEY } from './place.ts';

const [AUDIT_DEVICE = ''] = documentedBlocks('Audit', 'hcl');
const auditLog = (folder: string): string => join(folder, 'audit.log');
const role = 'auth/approle/role/keystoreop';

let stage: Installation;
beforeAll(async () => {
  stage = await install((folder) => AUDIT_DEVICE.replace('/var/log/openbao/audit.log', auditLog(folder)));
});
afterAll(() => stage[Symbol.asyncDispose]());

const versions = async (): Promise<unknown> => {
  const key = await administer(stage.node, 'GET', `transit/keys/${KEY}`);
  return [key.latest_version, key.min_decryption_version, key.min_available_version];
};

describe('R-OPS-02 the run-books of docs/operations.md', () => {
  test('rotation: rotate, retire, back, retire, trim', async () => {
    const [rotate = '', retire = '', back = '', trim = ''] = documentedBlocks('Rotation of the key', 'sh');
    const old = await stage.encrypt('before');
    await stage.run(rotate);
    expect(await readdir(stage.folder)).toContain(`openbao-${KEY}-v2.snap`);
    const fresh = await stage.encrypt('after');
    expect(fresh.toString()).toMatch(/^vault:v2:/);
    expect(await stage.decrypt(old)).toBe('before');

    const found = await stage.run(`${retire}echo "VERSION=$VERSION FLOOR=$FLOOR"`);
    expect(found).toMatch(/^VERSION=2 FLOOR=1$/m);
    expect([await stage.decrypt(old), await stage.decrypt(fresh)]).toEqual(['KEY_VERSION_RETIRED', 'after']);
    await stage.run(back, { FLOOR: '1' });
    expect(await stage.decrypt(old)).toBe('before');

    await stage.run(`${retire}${trim}`);
    expect(await versions()).toEqual([2, 2, 2]);
    expect([await stage.decrypt(old), await stage.decrypt(fresh)]).toEqual(['KEY_VERSION_RETIRED', 'after']);
    await expect(stage.run(back, { FLOOR: '1' })).rejects.toThrow('min_decryption_version');
  });

  test('kill switch: the key, then the rights, and all of it back', async () => {
    const [kill = '', rest = '', back = ''] = documentedBlocks('Kill switch', 'sh');
    const ciphertext = await stage.encrypt('killed');
    expect(await stage.keyStatus()).toBe('ENABLED');
    await stage.run(kill);
    expect(await stage.decrypt(ciphertext)).toBe('KEY_DISABLED');
    expect(await stage.keyStatus()).toBe('DISABLED');

    await stage.run(rest);
    expect(await stage.decrypt(ciphertext)).toBe('DENIED_BY_POLICY');
    expect(await stage.keyStatus()).toBe('failed to authenticate with the keystore provider');

    await stage.run(back);
    expect(await stage.decrypt(ciphertext)).toBe('killed');
    expect(await stage.keyStatus()).toBe('ENABLED');
  });

  test('backup and restore: what was lost is told, and a rotation would make it worse', async () => {
    const [keys = '', save = '', restore = '', compare = ''] = documentedBlocks('Backup and restore', 'sh');
    await createKey(stage.node, { key: 'other' });
    const kept = await stage.encrypt('kept');
    await stage.run(`${keys}${save}`);
    const [latest] = (await versions()) as [number];
    expect(await readFile(join(stage.folder, 'openbao.snap.keys'), 'utf8')).toBe(
      `${KEY} ${latest} false\nother 1 false\n`,
    );

    await rotateKey(stage.node, { key: KEY });
    const lost = await stage.encrypt('lost');
    await stage.run(documentedBlocks('Kill switch', 'sh')[0]!);
    await stage.run(`${keys}${restore}`);
    const told = await stage.run(`${keys}${compare}`);
    expect(told).toContain(`< ${KEY} ${latest + 1} true\n---\n> ${KEY} ${latest} false\n`);
    expect(told).not.toMatch(/^[<>] other/m);
    expect(told).toMatch(/^ {2}plugin +ready$/m);

    expect(await stage.decrypt(kept)).toBe('kept');
    expect(await stage.decrypt(lost)).toBe('KEY_VERSION_UNKNOWN');
    await rotateKey(stage.node, { key: KEY });
    expect(await stage.decrypt(lost)).toBe('INTEGRITY_FAILURE');
    await configureKey(stage.node, { key: 'other' }, { deletion_allowed: true });
  });

  test('secret id: replaced and destroyed without a failed call', async () => {
    const [replace = '', destroy = ''] = documentedBlocks('The secret id', 'sh');
    const secretId = () => readFile(join(stage.credentials, 'secret-id'), 'utf8');
    const accessors = async () => (await administer(stage.node, 'LIST', `${role}/secret-id`)).keys;
    const before = await secretId();
    const ciphertext = await stage.encrypt('a data key');
    const found = await stage.run(`${replace}echo "OLD=$OLD"`);
    const OLD = /^OLD=(.+)$/m.exec(found)![1]!;
    expect(await secretId()).not.toBe(before);
    expect(await accessors()).toHaveLength(2);
    await stage.run(destroy, { OLD });
    expect(await accessors()).not.toContain(OLD);
    expect(await accessors()).toHaveLength(1);

    const logins = () => stage.log.filter(({ message }) => message === 'logged in to OpenBao').length;
    const loginsBefore = logins();
    await stage.run('bao lease revoke -sync -prefix auth/approle/login');
    expect(await stage.decrypt(ciphertext)).toBe('a data key');
    await until('the login with the new one', () => logins() === loginsBefore + 1);
  });

  test('audit: from a record of the plugin to OpenBao’s', async () => {
    const [header = '', join = ''] = documentedBlocks('Audit', 'sh');
    await stage.run(header);
    const records = () =>
      stage.log.flatMap(({ fields, message }) => (message === 'audit' ? [fields as Record<string, string>] : []));
    const { length } = records();
    await stage.encrypt('audited');
    await until('the record', () => records().length > length && records().at(-1)!.rpc === 'Encrypt');
    const { bao_request_id: BAO_REQUEST_ID = '', correlation_id: CORRELATION_ID = '' } = records().at(-1)!;
    const AUDIT_LOG = auditLog(stage.folder);
    const lines = (await stage.run(join, { BAO_REQUEST_ID, CORRELATION_ID, AUDIT_LOG }))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly request: { readonly path: string } });
    // Request and answer, found both ways.
    expect(lines.map(({ request }) => request.path)).toEqual(Array(4).fill(`transit/encrypt/${KEY}`));
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { administer } from '../../../scripts/openbao/setup.ts';
import type { DoctorResult } from '../../../src/doctor/doctor-result.ts';
import { checkedJson } from '../../support/command-schema.ts';
import { checkOf, type DoctorStage, idsOf, openDoctorStage, type Patient } from '../../support/doctor-stage.ts';
import { runTool, startTool, type ToolRun } from '../../support/tool.ts';

let stage: DoctorStage;
let patient: Patient;
let yaml: string;
beforeAll(async () => {
  stage = await openDoctorStage();
  patient = await stage.newPatient();
  yaml = join(patient.folder, 'plugin.yaml');
  await writeFile(yaml, patient.yaml());
});
afterAll(() => stage[Symbol.asyncDispose]());

const doctor = (...args: string[]): Promise<ToolRun> => runTool(['doctor', '--config', yaml, ...args]);

async function asJson(...args: string[]): Promise<DoctorResult & { readonly code: number | null }> {
  const { code, stderr, stdout } = await doctor(...args, '--output', 'json');
  expect(stderr).toBe('');
  return { ...(await checkedJson<DoctorResult>('doctor', stdout)), code };
}

describe('R-DOCTOR-11 the command doctor', () => {
  test('finds nothing wrong, as JSON of the published schema and as text', async () => {
    const found = await asJson('--key', patient.key);
    expect(found).toMatchObject({ code: 0, exit_code: 0, plugin_status: 'ready', interrupted: false });
    const { code, stderr, stdout } = await doctor('--key', patient.key);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Configuration\n {2}ok {4}config\.valid: /);
    expect(stdout).toMatch(/^ {2}plugin +ready$/m);
    expect(stdout).not.toContain('FAIL');
    for (const { id } of found.checks) expect(stdout).toContain(id);
  });

  test('ends with 4 for a key that is not there, with what mends it', async () => {
    const found = await asJson('--key', `${patient.key},missing`);
    expect(found.code).toBe(4);
    // The policy knows no such key, so it may not even be looked at.
    expect(idsOf(found, 'failed')).toEqual(['key.readable']);
    const { stdout } = await doctor('--key', 'missing', '--only', 'key.readable');
    expect(stdout).toContain('FAIL  key.readable missing: ');
    expect(stdout).toContain(`path "${patient.mount}/keys/missing" {`);
  });

  test('ends with 5 for an OpenBao that cannot be reached, and with 3 for a configuration that is wrong', async () => {
    const file = join(patient.folder, 'unreachable.yaml');
    await writeFile(file, patient.yaml().replace(stage.bao.address, 'https://127.0.0.1:1'));
    expect((await runTool(['doctor', '--config', file])).code).toBe(5);
    await writeFile(file, 'auth: { method: nonsense }\n');
    const wrong = await runTool(['doctor', '--config', file]);
    expect(wrong.code).toBe(3);
    expect(wrong.stdout).toMatch(/FAIL {2}config\.valid: invalid configuration: auth/);
  });

  test('waits as long as it is told to, and says so', async () => {
    await stage.bao.seal();
    await using tool = await startTool(['doctor', '--config', yaml, '--only', 'server.unsealed', '--wait', '60']);
    await tool.wrote('stderr', /waiting for OpenBao, at most 60 s\n/);
    await stage.bao.unseal();
    expect((await tool.ended).code).toBe(0);
  });

  test.each([
    [['--key', 'a b'], '--key: a b is no name of a Transit key'],
    [['--role', 'king'], '--role: there is no role king'],
    [['--only', 'key.exist'], 'did you mean key.exists?'],
    [['--skip', 'nonsense'], 'there is no check and no group of the name nonsense'],
    [['--wait', 'long'], '--wait must be seconds'],
  ])('refuses %j', async (args, text) => {
    const { code, stderr, stdout } = await doctor(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(text);
  });

  test('tells nothing of access data that it cannot read', async () => {
    const file = join(patient.folder, 'access.json');
    await writeFile(file, '{"privateKey": "-----BEGIN secret');
    const { code, stderr } = await doctor('--access', file);
    expect(code).toBe(3);
    expect(stderr).toContain('access.json cannot be used as access data (no JSON)');
    expect(stderr).not.toContain('secret');
    expect((await doctor('--access', join(patient.folder, 'none.json'))).stderr).toContain('ENOENT');
  });

  test('that is interrupted while it waits for OpenBao leaves no token', async () => {
    const tokens = async (): Promise<unknown> => (await administer(stage.bao, 'LIST', 'auth/token/accessors')).keys;
    const before = await tokens();
    await stage.bao.seal();
    await using tool = await startTool(['doctor', '--config', yaml, '--wait', '60']);
    await tool.wrote('stderr', /waiting/);
    tool.child.kill('SIGINT');
    expect((await tool.ended).code).toBe(130);
    await stage.bao.unseal();
    expect(await tokens()).toEqual(before);
  });

  test('shows no secret', async () => {
    const { bao, secretIdFile } = patient;
    const secretId = await patient.drawSecretId();
    expect(secretIdFile).not.toContain(secretId);
    const outputs = [await doctor('--key', patient.key), await doctor('--key', patient.key, '--output', 'json')];
    for (const { stderr, stdout } of outputs) {
      for (const secret of [secretId, bao.rootToken]) expect(`${stdout}${stderr}`).not.toContain(secret);
      expect(stdout).not.toMatch(/\b[sb]\.[A-Za-z0-9]{20,}/);
    }
    expect(checkOf(JSON.parse(outputs[1]!.stdout) as DoctorResult, 'end.revoked').status).toBe('ok');
  });
});

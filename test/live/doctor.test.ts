import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { administer, wrapSecretId } from '../../scripts/openbao/setup.ts';
import { doctorResult } from '../../src/doctor/doctor-result.ts';
import { checkOf, type DoctorStage, fileRef, idsOf, openDoctorStage } from '../support/doctor-stage.ts';
import { FAULTS } from './doctor-faults.ts';

let stage: DoctorStage;
beforeAll(async () => {
  stage = await openDoctorStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

describe('R-DOCTOR-01 a set-up in which all is well', () => {
  it('is ready, in the words of Story 4, and nothing of the examination is left behind', async () => {
    const patient = await stage.newPatient();
    const before = await livingTokens();
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual([]);
    // The one server of this stage has no other node to take over.
    expect(idsOf(result, 'warning')).toEqual(['server.ha']);
    const { checks: _, duration_ms: __, summary: ___, ...told } = result;
    expect(told).toEqual({
      plugin_status: 'ready',
      vault_version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
      auth_status: 'authenticated',
      policies_applied: [patient.role],
      transit_engine: 'enabled',
      tests: {
        test_approle_login: 'passed',
        test_transit_operations: 'passed',
        verify_access_controls: 'passed',
        test_token_lifecycle: 'passed',
      },
      interrupted: false,
      exit_code: 0,
    });
    expect(doctorResult.parse(result)).toEqual(result);
    expect(await livingTokens()).toEqual(before);
    expect(await patient.administer('GET', `${patient.mount}/keys?list=true`)).toEqual({ keys: [patient.key] });
  });

  it('skips nothing but what does not concern it', async () => {
    const patient = await stage.newPatient();
    const result = await patient.examine();
    expect(idsOf(result, 'skipped')).toEqual([
      'login.certificate',
      'login.token-file',
      'login.unwrap',
      'transit.wrapping-key',
      'transit.state-mount',
      'rights.management',
      'rights.operator',
    ]);
  });
});

describe('R-DOCTOR-02 each fault is named by one check, and is gone once its fix was applied', () => {
  it.each(FAULTS)('$fault: $check', async ({ check: id, exitCode, fix, make }) => {
    await using resources = new AsyncDisposableStack();
    const patient = await stage.newPatient();
    const repair = await make(patient, resources);

    const found = await patient.examine();
    expect(idsOf(found, 'failed')).toEqual([id]);
    expect(found.exit_code).toBe(exitCode);
    expect(found.plugin_status).toBe('failed');
    expect(() => doctorResult.parse(found)).not.toThrow();
    const check = checkOf(found, id);
    expect(check.fix).toMatch(fix);
    expect(check.cause).not.toMatch(/<[mkarls]>/);

    if (repair === 'policy') await patient.grant(check.policy!);
    else if (repair === 'command') for (const command of commandsIn(check.fix!)) await stage.shell(command);
    else await repair();
    const mended = await patient.examine();
    expect(idsOf(mended, 'failed')).toEqual([]);
    // A wrapped secret id is left to the plugin.
    expect(mended.plugin_status).toBe(id === 'login.unwrap' ? 'unproven' : 'ready');
  });

  it('a wrapped secret id can still be unwrapped after it was looked at', async () => {
    const { bao, configuration, examine, folder, role } = await stage.newPatient();
    const file = join(folder, 'wrapped');
    const token = await wrapSecretId(bao, { role });
    await writeFile(file, token, { mode: 0o600 });
    const { secretId: _, ...auth } = configuration.auth;
    configuration.auth = { ...auth, role, secretIdWrapped: fileRef(file) };
    const found = await examine();
    expect(checkOf(found, 'login.unwrap').message).toMatch(/was not used, and expires in \d+ (minutes|seconds)/);
    expect(checkOf(found, 'login.accepted').status).toBe('skipped');
    expect((await bao.request('POST', 'sys/wrapping/unwrap', {}, { token })).status).toBe(200);
  });
});

/** Accessors of all tokens but those that have ended. */
async function livingTokens(): Promise<unknown> {
  return (await administer(stage.bao, 'LIST', 'auth/token/accessors')).keys;
}

/** The commands that a fix names, apart from those that only look. */
function commandsIn(fix: string): readonly string[] {
  const commands = [...fix.matchAll(/bao write [^;,()]*?(?=[;,)]|\.$|$)/g)].map(([command]) => command);
  if (commands.length === 0) throw new Error(`the fix names no command: ${fix}`);
  return commands;
}

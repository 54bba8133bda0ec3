import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { stringify } from 'yaml';

import { openbaoBinary } from '../../scripts/openbao/binary.ts';
import { type OpenBaoServer, startOpenBao } from '../../scripts/openbao/server.ts';
import { administer, createKey, enableAppRole, leastPolicy, writePolicy } from '../../scripts/openbao/setup.ts';
import { type DoctorResult, toDoctorResult } from '../../src/doctor/doctor-result.ts';
import { type DoctorOptions, runDoctor } from '../../src/doctor/run-doctor.ts';
import { temporaryFolder } from './temporary-folder.ts';

type Fields = Record<string, unknown>;

/** A set-up in which all is well, until somebody changes a part of it. */
export interface Patient {
  readonly bao: OpenBaoServer;
  readonly folder: string;
  /** Transit mount, AppRole and policy have names of their own; the key does not. */
  readonly mount: string;
  readonly role: string;
  readonly key: string;
  readonly secretIdFile: string;
  /** The configuration, to be changed at will. */
  readonly configuration: { development?: boolean; openbao: Fields; auth: Fields; keys: Fields; limits: Fields };
  options: DoctorOptions;
  /** The policy in HCL. */
  policy: string;
  /** Writes the policy with something added to it. */
  grant(more: string): Promise<void>;
  /** Writes the policy without the lines of a path. */
  deny(path: string): Promise<void>;
  administer(method: string, path: string, body?: object): Promise<Fields>;
  /** Draws a new secret id into its file. */
  drawSecretId(fields?: object): Promise<string>;
  examine(): Promise<DoctorResult>;
  /** The configuration as the text of a file. */
  yaml(): string;
}

export interface DoctorStage extends AsyncDisposable {
  readonly bao: OpenBaoServer;
  newPatient(): Promise<Patient>;
  /** Runs a command as an administrator does. */
  shell(command: string): Promise<void>;
}

/** Rights with which every check can be made. */
function sightedPolicy(mount: string, role: string): string {
  return [
    leastPolicy({ key: KEY, mount }),
    'path "sys/capabilities-self" { capabilities = ["update"] }',
    `path "${mount}/config/keys" { capabilities = ["read"] }`,
    `path "auth/approle/role/${role}/secret-id/lookup" { capabilities = ["update"] }`,
    '',
  ].join('\n');
}

const KEY = 'k';

export async function openDoctorStage(): Promise<DoctorStage> {
  await using resources = new AsyncDisposableStack();
  const bao = resources.use(await startOpenBao());
  const folder = resources.use(await temporaryFolder());
  const binary = await openbaoBinary();
  let patients = 0;

  const newPatient = async (): Promise<Patient> => {
    patients += 1;
    const [mount, role] = [`transit-${patients}`, `role-${patients}`];
    await administer(bao, 'POST', `sys/mounts/${mount}`, { type: 'transit', config: { force_no_cache: true } });
    await administer(bao, 'POST', `${mount}/config/keys`, { disable_upsert: true });
    await createKey(bao, { key: KEY, mount });
    const { roleId } = await enableAppRole(bao, { role, policies: [role], tokenTtl: '1h', tokenMaxTtl: '4h' });
    const secretIdFile = join(folder.path, `secret-id-${patients}`);
    const patient: Patient = {
      bao,
      folder: folder.path,
      mount,
      role,
      key: KEY,
      secretIdFile,
      configuration: {
        openbao: { addresses: [bao.address], ca: fileRef(bao.caFile), transitMount: mount },
        auth: { method: 'approle', roleId, secretId: fileRef(secretIdFile) },
        keys: {},
        // A busy machine is not what is looked at here.
        limits: { readBudgetMs: 10_000, loginBudgetMs: 20_000, connectTimeoutMs: 10_000 },
      },
      options: { keys: [KEY] },
      policy: sightedPolicy(mount, role),
      grant: (more) => writePolicy(bao, role, `${patient.policy}${more}`),
      deny: (path) => writePolicy(bao, role, withoutPath(patient.policy, path)),
      administer: (method, path, body) => administer(bao, method, path, body),
      async drawSecretId(fields = {}) {
        const { secret_id: drawn } = await administer(bao, 'POST', `auth/approle/role/${role}/secret-id`, fields);
        await writeFile(secretIdFile, String(drawn), { mode: 0o600 });
        return String(drawn);
      },
      async examine() {
        return toDoctorResult(await runDoctor(patient.yaml(), patient.options));
      },
      yaml: () => stringify(patient.configuration),
    };
    await writePolicy(bao, role, patient.policy);
    await patient.drawSecretId();
    return patient;
  };

  const held = resources.move();
  return {
    bao,
    newPatient,
    async shell(command) {
      const PATH = `${dirname(binary)}:${process.env.PATH ?? ''}`;
      const env = { PATH, HOME: folder.path, BAO_ADDR: bao.address, BAO_CACERT: bao.caFile, BAO_TOKEN: bao.rootToken };
      await promisify(execFile)('sh', ['-eu', '-c', command], { cwd: folder.path, env });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

export function fileRef(path: string): object {
  return { source: 'file', file: { path } };
}

/** Ids of the checks with a status; of a check that is made for each key once. */
export function idsOf(result: DoctorResult, status: DoctorResult['checks'][number]['status']): string[] {
  return [...new Set(result.checks.filter((check) => check.status === status).map(({ id }) => id))];
}

/** The check that must be there, once. */
export function checkOf(result: DoctorResult, id: string): DoctorResult['checks'][number] {
  const found = result.checks.filter((check) => check.id === id);
  const [check] = found;
  if (check === undefined || found.length > 1) throw new Error(`${found.length} checks ${id}`);
  return check;
}

function withoutPath(policy: string, path: string): string {
  const lines = policy.split('\n');
  const kept = lines.filter((line) => !line.includes(`"${path}"`));
  if (kept.length === lines.length) throw new Error(`the policy has no path ${path}`);
  return kept.join('\n');
}

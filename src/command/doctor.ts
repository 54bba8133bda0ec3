import { isKeyId } from '../../keystore-contract/key-id.ts';
import { readBoundedFile } from '../config/bounded-file.ts';
import { CHECKS } from '../doctor/checks.ts';
import { GROUPS } from '../doctor/check.ts';
import { doctorResult, toDoctorResult } from '../doctor/doctor-result.ts';
import { type DoctorOptions, runDoctor } from '../doctor/run-doctor.ts';
import { UnknownCheckError } from '../doctor/selection.ts';
import type { CommandInput } from './command-input.ts';
import { CommandError } from './command-error.ts';
import { defineCommand } from './command.ts';
import { readConfigurationFile } from './configuration-file.ts';
import { doctorText } from './doctor-text.ts';
import { EXIT } from './exit-codes.ts';
import { POLICY_ROLES } from './policy-roles.ts';
import { similarTo } from './similar.ts';

const MAX_ACCESS_BYTES = 1024 * 1024;
const MAX_WAIT_S = 86_400;

export const command = defineCommand({
  result: doctorResult,
  text: doctorText,
  async run(input, { print, signal, talk }) {
    const { text, type } = await readConfigurationFile(input.required('config'));
    const options = await optionsOf(input, type === 'KeystoreProvider');
    if (options.waitMs > 0) talk(`waiting for OpenBao, at most ${options.waitMs / 1000} s`);
    try {
      const result = toDoctorResult(await runDoctor(text, { ...options, signal }));
      print(result);
      // What was seen until then is told; the code tells that it is not all.
      signal.throwIfAborted();
      return result.exit_code;
    } catch (error) {
      if (error instanceof UnknownCheckError) throw unknownCheck(error);
      throw error;
    }
  },
});

async function optionsOf(
  input: CommandInput,
  isProvider: boolean,
): Promise<DoctorOptions & { readonly waitMs: number }> {
  const [keys, roles, only] = ['key', 'role', 'only'].map((name) => listOf(input.option(name)));
  const wrongKey = keys?.find((key) => !isKeyId(key));
  if (wrongKey !== undefined) throw new CommandError(EXIT.usage, `--key: ${wrongKey} is no name of a Transit key`);
  const access = input.option('access');
  return {
    ...(keys && { keys }),
    roles: roles?.map(roleOf) ?? (isProvider ? ['provider'] : ['hyok-management', 'crypto']),
    ...(only && { only }),
    skip: listOf(input.option('skip')) ?? [],
    pre: input.flag('pre'),
    waitMs: waitOf(input.option('wait')),
    ...(access !== undefined && { access: await readAccess(access) }),
  };
}

/** `a,b`; blanks around the commas are no part of the names. */
function listOf(text: string | undefined): readonly string[] | undefined {
  const names = text?.split(',').map((name) => name.trim());
  return names?.filter((name) => name !== '');
}

function roleOf(name: string): (typeof POLICY_ROLES)[number] {
  const role = POLICY_ROLES.find((known) => known === name);
  if (role === undefined) {
    throw new CommandError(EXIT.usage, `--role: there is no role ${name}`, `roles: ${POLICY_ROLES.join(', ')}`);
  }
  return role;
}

function waitOf(text = '0'): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (seconds > MAX_WAIT_S) throw new CommandError(EXIT.usage, `--wait must be seconds, at most ${MAX_WAIT_S}`);
  return seconds * 1000;
}

async function readAccess(file: string): Promise<unknown> {
  const unusable = (why: string): never => {
    throw new CommandError(EXIT.configuration, `${file} cannot be used as access data (${why})`);
  };
  const bytes = await readBoundedFile(file, MAX_ACCESS_BYTES).catch((error: unknown) =>
    unusable((error as NodeJS.ErrnoException).code ?? 'unknown reason'),
  );
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    // The parser's own message quotes the text, which holds a private key.
    return unusable('no JSON');
  }
}

function unknownCheck({ message, unknown: [name = ''] }: UnknownCheckError): CommandError {
  const names = [...Object.keys(GROUPS), ...CHECKS.map(({ id }) => id)];
  const similar = similarTo(name, names);
  const hint =
    similar.length > 0 ? `did you mean ${similar.join(' or ')}?` : `groups: ${Object.keys(GROUPS).join(', ')}`;
  return new CommandError(EXIT.usage, message, hint);
}

import { type Answer, toAnswer } from '../../../../src/openbao/answer.ts';
import { createAppRole } from '../../../../src/openbao/auth/approle.ts';
import type { LoginRequest } from '../../../../src/openbao/auth/login-method.ts';
import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { createFiles, file, refusal, success } from './auth-fixture.ts';

const LOOKUP = 'sys/wrapping/lookup';
const UNWRAP = 'sys/wrapping/unwrap';
const HONEST = 'auth/machines/role/cmk/secret-id';
const USED_UP = refusal(400, 'wrapping token is not valid or does not exist');

const looked = (creationPath: string): Answer => success({ data: { creation_path: creationPath } });
const unwrapped = (secretId: unknown): Answer => success({ data: { secret_id: secretId } });

let tokens = 0;

/** A method whose file holds a token of its own, and a server that answers by path; a later answer replaces an earlier one. */
function open(answers: Readonly<Record<string, Answer>> = {}) {
  tokens += 1;
  const token = `wrapped-${tokens}`;
  const files = createFiles({ '/role': 'role-1', '/wrapped': token });
  const replies: Record<string, Answer | Error> = {
    [LOOKUP]: looked(HONEST),
    [UNWRAP]: unwrapped('secret-1'),
    ...answers,
  };
  const asked: LoginRequest[] = [];
  const openMethod = () =>
    createAppRole({
      mount: 'machines',
      roleId: file('/role'),
      secretId: { wrapped: file('/wrapped'), role: 'cmk' },
      read: files.read,
    });
  const method = openMethod();
  const prepare = async (by = method): Promise<unknown> => {
    const credential = await by.prepare((request) => {
      asked.push(request);
      const reply = replies[request.path] ?? new Error(`no answer for ${request.path}`);
      return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
    });
    return credential.body;
  };
  return { asked, files, openMethod, prepare, replies, token, paths: () => asked.map(({ path }) => path) };
}

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('a wrapped secret id', () => {
  it('R-AUTH-41 is looked up, unwrapped with the wrapping token itself, and presented', async () => {
    const stage = open();
    expect(await stage.prepare()).toEqual({ role_id: 'role-1', secret_id: 'secret-1' });
    expect(stage.asked).toEqual([
      { verb: 'write', path: LOOKUP, body: { token: stage.token } },
      { verb: 'write', path: UNWRAP, body: {}, token: stage.token },
    ]);
    expect(stage.files.reads).toContain('secret /wrapped');
  });

  it('R-AUTH-41 R-AUTH-27 is unwrapped once, however often and by however many at a time it is needed', async () => {
    const stage = open();
    await Promise.all([stage.prepare(), stage.prepare(), stage.prepare(stage.openMethod())]);
    await stage.prepare();
    expect(await stage.prepare(stage.openMethod())).toMatchObject({ secret_id: 'secret-1' });
    expect(stage.paths()).toEqual([LOOKUP, UNWRAP]);
  });

  it('R-AUTH-21 R-AUTH-41 gives way to the one whose token replaces it in the file', async () => {
    const stage = open();
    await stage.prepare();
    stage.files.write('/wrapped', `${stage.token}-next`);
    stage.replies[UNWRAP] = unwrapped('secret-2');
    expect(await stage.prepare()).toMatchObject({ secret_id: 'secret-2' });
    expect(stage.paths()).toEqual([LOOKUP, UNWRAP, LOOKUP, UNWRAP]);
  });

  it.each([
    'sys/wrapping/wrap',
    'auth/machines/role/other/secret-id',
    'auth/machines/role/cmk/custom-secret-id',
    'auth/machines/role/cmk/secret-id/',
    `x/${HONEST}`,
  ])('R-AUTH-26 R-AUTH-41 made at %s is another thing, and is never unwrapped', async (creationPath) => {
    const stage = open({ [LOOKUP]: looked(creationPath) });
    const first = await failure(stage.prepare());
    expect(first).toMatchObject({ class: 'secret-unwrap-failed' });
    expect(await failure(stage.prepare())).toBe(first);
    expect(stage.paths()).toEqual([LOOKUP]);
  });

  it('R-AUTH-26 whose look tells no path is never unwrapped', async () => {
    const stage = open({ [LOOKUP]: success({ data: {} }) });
    expect(await failure(stage.prepare())).toMatchObject({ class: 'secret-unwrap-failed' });
    expect(stage.paths()).toEqual([LOOKUP]);
  });

  it.each<[string, Record<string, Answer>, string[]]>([
    ['was used already', { [LOOKUP]: USED_UP }, [LOOKUP]],
    ['is used by somebody else after the look', { [UNWRAP]: USED_UP }, [LOOKUP, UNWRAP]],
    ['wraps no secret id', { [UNWRAP]: success({ data: { other: 1 } }) }, [LOOKUP, UNWRAP]],
    ['wraps an empty one', { [UNWRAP]: unwrapped('') }, [LOOKUP, UNWRAP]],
  ])('R-AUTH-26 that %s is asked about once, until its file holds another', async (_name, answers, paths) => {
    const stage = open(answers);
    const first = await failure(stage.prepare());
    expect(first).toMatchObject({ class: 'secret-unwrap-failed' });
    expect(await failure(stage.prepare())).toBe(first);
    expect(stage.paths()).toEqual(paths);
    stage.files.write('/wrapped', `${stage.token}-next`);
    Object.assign(stage.replies, { [LOOKUP]: looked(HONEST), [UNWRAP]: unwrapped('secret-2') });
    expect(await stage.prepare()).toMatchObject({ secret_id: 'secret-2' });
  });

  it('R-AUTH-26 that a faulty configuration could not use serves the next configuration', async () => {
    const stage = open({ [LOOKUP]: looked('auth/machines/role/elsewhere/secret-id') });
    await failure(stage.prepare());
    stage.replies[LOOKUP] = looked(HONEST);
    expect(await stage.prepare(stage.openMethod())).toMatchObject({ secret_id: 'secret-1' });
  });

  it.each<[string, Answer | Error, string]>([
    ['is sealed', refusal(503, 'Vault is sealed'), 'sealed'],
    ['limits requests', refusal(429, 'rate limit quota exceeded'), 'rate-limited'],
    ['is something else', toAnswer(403, '<html>', undefined), 'not-an-openbao-answer'],
    ['cannot be reached', new KeystoreError('unreachable', 'OpenBao cannot be reached'), 'unreachable'],
  ])('R-AUTH-20 is asked for again after an OpenBao that %s', async (_name, answer, errorClass) => {
    for (const path of [LOOKUP, UNWRAP]) {
      const stage = open();
      const good = stage.replies[path]!;
      stage.replies[path] = answer;
      expect(await failure(stage.prepare())).toMatchObject({ class: errorClass });
      stage.replies[path] = good;
      expect(await stage.prepare()).toMatchObject({ secret_id: 'secret-1' });
    }
  });

  it('R-AUTH-20 whose file cannot be read is no refusal, and nothing is asked', async () => {
    const stage = open();
    stage.files.write('/wrapped', undefined);
    expect(await failure(stage.prepare())).toMatchObject({ class: 'credential-unreadable' });
    expect(stage.asked).toEqual([]);
  });

  it('R-SEC-01 shows neither token nor secret id in a failure', async () => {
    const stage = open({ [UNWRAP]: success({ data: { secret_id: 7, other: 'secret-1' } }) });
    const error = (await failure(stage.prepare())) as KeystoreError;
    expect(`${String(error)} ${JSON.stringify(error.details)} ${error.stack}`).not.toMatch(/wrapped-\d|secret-1/);
  });
});

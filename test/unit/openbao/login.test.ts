import { cut, errors, hold, json, noContent, type Reply, text, tokenAnswer } from '../../support/fake-openbao.ts';
import { until } from '../../support/until.ts';
import { CERT_LOGIN, failure, LEASE, LOGIN, openSession, type Stage } from './session-fixture.ts';

const MINUTE = 60_000;
const good = tokenAnswer('t1', LEASE);
const WRONG = errors(400, 'invalid role or secret ID');

describe('a login answered', () => {
  it.each<[string, Reply, string, number]>([
    ['with a wrong secret id', WRONG, 'login-refused', 1],
    ['with a secret id used up at once', errors(400, 'invalid secret_id "secret-1"'), 'login-refused', 1],
    ['with no secret id', errors(400, 'missing secret_id'), 'login-refused', 1],
    ['with no role id', errors(500, 'missing role_id'), 'login-refused', 1],
    [
      'from an address that is not bound',
      errors(400, 'source address "10.0.0.1" unauthorized by CIDR restrictions on the role: …'),
      'login-refused',
      1,
    ],
    ['by a lockout', errors(403, 'permission denied'), 'login-locked-out', 1],
    ['by a page that denies', text(403, '<html>'), 'not-an-openbao-answer', 1],
    ['by JSON of something else', json(403, { message: 'permission denied' }), 'not-an-openbao-answer', 1],
    ['by a portal', text(200, '<html>Log in</html>'), 'not-an-openbao-answer', 1],
    ['by a redirect to a portal', text(302, '', { location: 'https://elsewhere/' }), 'not-an-openbao-answer', 1],
    ['by a denial of policy', errors(403, '1 error occurred:\n\t* permission denied\n\n'), 'server-error', 1],
    ['with a text that nobody knows', errors(400, 'role is out of season'), 'server-error', 1],
    ['by a mount that cannot do it', errors(404, '1 error occurred:\n\t* unsupported path\n\n'), 'server-error', 1],
    ['by no namespace', errors(404, 'namespace not found'), 'namespace-not-found', 1],
    ['by a method that is not set up', errors(500, 'could not load backend configuration'), 'server-error', 1],
    ['by a seal', errors(503, 'Vault is sealed'), 'sealed', 1],
    ['by a quota', errors(429, 'rate limit quota exceeded'), 'rate-limited', 1],
    ['without a token', json(200, { auth: null, data: {} }), 'malformed-answer', 1],
    ['without a body', noContent, 'malformed-answer', 1],
    ['by a standby without a leader', text(307, ''), 'no-active-node', 3],
    ['by nothing', cut, 'unreachable', 3],
    ['by a gateway', text(502, '<html>'), 'unreachable', 3],
  ])('%s is %#: %s', async (_name, reply, errorClass, sent) => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, reply);
    const call = failure(stage.use());
    for (let pause = 1; pause < sent; pause += 1) await nextTry(stage);
    expect(await call).toMatchObject({ class: errorClass });
    expect(stage.count(LOGIN)).toBe(sent);
    const [line] = stage.log.entries('login to OpenBao failed');
    expect(line).toMatchObject({ class: errorClass, method: 'approle', '@level': 'warn' });
    expect(JSON.stringify(line)).not.toMatch(/season|10\.0\.0\.1|portal/);
  });

  it('by a lost race is repeated at once, since the try has cost no use of the secret id', async () => {
    await using stage = await openSession();
    const lost = errors(500, 'transaction commit failed');
    stage.fake.on('POST', LOGIN, lost, lost, lost, good);
    const call = stage.use();
    for (let race = 1; race <= 3; race += 1) await nextTry(stage);
    expect(await call).toMatchObject({ status: 200 });
    expect(stage.count(LOGIN)).toBe(4);
  });

  it('by lost races without end is given up, and is no refusal', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, errors(500, 'transaction commit failed'));
    const call = failure(stage.use());
    for (let race = 1; race <= 4; race += 1) await nextTry(stage);
    expect(await call).toMatchObject({ class: 'server-error' });
    expect(stage.count(LOGIN)).toBe(5);
  });

  async function nextTry({ clock }: Stage): Promise<void> {
    await until('a pause', () => clock.pending.some((ms) => ms < 200));
    clock.advance(clock.pending[0]!);
  }
});

describe('R-AUTH-18 a refused secret id', () => {
  it('is sent once, whoever asks, and again only after 16 minutes', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, WRONG);
    const refused = await Promise.all([failure(stage.use()), failure(stage.use())]);
    expect(refused[0]).toMatchObject({ class: 'login-refused', details: { httpStatus: 400 } });
    for (let second = 0; second < 15 * 60; second += 30) {
      expect(await failure(stage.use())).toBe(refused[0]);
      stage.clock.advance(30_000);
    }
    expect(stage.count(LOGIN)).toBe(1);
    stage.clock.advance(3 * MINUTE);
    stage.fake.on('POST', LOGIN, good);
    expect(await stage.use()).toMatchObject({ status: 200 });
    expect(stage.count(LOGIN)).toBe(2);
  });

  it('R-AUTH-20 is not what an unknown text says, but that is sent only once too', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, errors(400, 'role is out of season'));
    for (let count = 0; count < 5; count += 1) {
      expect(await failure(stage.use())).toMatchObject({ class: 'server-error' });
    }
    expect(stage.count(LOGIN)).toBe(1);
  });

  it('R-AUTH-21 is no obstacle for the one that replaces it in the file', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, WRONG, good);
    await failure(stage.use());
    stage.secretId = 'secret-2';
    expect(await stage.use()).toMatchObject({ status: 200 });
    expect(stage.fake.seen('POST', LOGIN).map(({ body }) => body.secret_id)).toEqual(['secret-1', 'secret-2']);
  });

  it('R-AUTH-21 that was replaced while it was on its way is followed by the new one in the same call', async () => {
    await using stage = await openSession();
    const late = hold(WRONG);
    stage.fake.on('POST', LOGIN, late.reply, good);
    const call = stage.use();
    await stage.fake.requested('POST', LOGIN);
    stage.secretId = 'secret-2';
    late.release();
    expect(await call).toMatchObject({ status: 200 });
    expect(stage.fake.seen('POST', LOGIN).map(({ body }) => body.secret_id)).toEqual(['secret-1', 'secret-2']);
  });

  it('and its replacement, refused too, are each sent once', async () => {
    await using stage = await openSession();
    const late = hold(WRONG);
    stage.fake.on('POST', LOGIN, late.reply, WRONG);
    const call = failure(stage.use());
    await stage.fake.requested('POST', LOGIN);
    stage.secretId = 'secret-2';
    late.release();
    expect(await call).toMatchObject({ class: 'login-refused' });
    await failure(stage.use());
    expect(stage.count(LOGIN)).toBe(2);
  });

  it('rests for 5 min after a lockout, which counts for nothing and ends by itself', async () => {
    await using stage = await openSession();
    stage.clock.chance = 0;
    stage.fake.on('POST', LOGIN, errors(403, 'permission denied'));
    for (let minute = 0; minute < 15; minute += 1) {
      expect(await failure(stage.use())).toMatchObject({ class: 'login-locked-out' });
      stage.clock.advance(MINUTE);
    }
    expect(stage.count(LOGIN)).toBe(3);
    stage.fake.on('POST', LOGIN, good);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it('does not end a token that still lives', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, tokenAnswer('t1', LEASE, { renewable: false }), WRONG);
    await stage.use();
    stage.careIsDue();
    await until('the refusal', () => stage.log.entries('login to OpenBao failed').length === 1);
    expect(await stage.use()).toMatchObject({ status: 200 });
    await stage.settled();
  });
});

describe('R-AUTH-19 a refused certificate', () => {
  it('rests 5 s, doubling to 5 min', async () => {
    await using stage = await openSession('callCertificate');
    stage.clock.chance = 0;
    stage.fake.on('POST', CERT_LOGIN, errors(400, 'invalid certificate or no client certificate supplied'));
    const sentInMinute: number[] = [];
    for (let minute = 0; minute < 20; minute += 1) {
      const before = stage.count(CERT_LOGIN);
      for (let second = 0; second < 60; second += 1) {
        expect(await failure(stage.use())).toMatchObject({ class: 'login-refused' });
        stage.clock.advance(1000);
      }
      sentInMinute.push(stage.count(CERT_LOGIN) - before);
    }
    expect(sentInMinute[0]).toBe(4);
    expect(sentInMinute.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(11);
    stage.fake.on('POST', CERT_LOGIN, good);
    stage.clock.advance(5 * MINUTE);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it.each<[number, string, string]>([
    [400, 'no client certificate found', 'login-refused'],
    [400, 'no chain matching all constraints could be found for this login certificate', 'login-refused'],
    [500, "failed to verify client's certificate: x509: certificate has expired or is not yet valid", 'login-refused'],
    [403, 'permission denied', 'login-refused'],
    [500, 'missing role_id', 'server-error'],
    [400, 'could not load configuration', 'server-error'],
  ])('is what OpenBao says with %i %j: %s', async (status, said, errorClass) => {
    await using stage = await openSession('callCertificate');
    stage.fake.on('POST', CERT_LOGIN, errors(status, said));
    expect(await failure(stage.use())).toMatchObject({ class: errorClass });
  });

  it('names the role that the call names', async () => {
    await using stage = await openSession('callCertificate');
    await stage.use();
    expect(stage.fake.seen('POST', CERT_LOGIN)[0]?.body).toEqual({ name: 'role' });
  });
});

describe('R-AUTH-20 a secret id that cannot be read', () => {
  it('is no refusal, sends nothing, and heals when the file is there', async () => {
    await using stage = await openSession();
    stage.secretId = undefined;
    for (let call = 0; call < 3; call += 1) {
      expect(await failure(stage.use())).toMatchObject({
        class: 'credential-unreadable',
        details: { cause: 'unreadable' },
      });
    }
    expect(stage.count(LOGIN)).toBe(0);
    stage.secretId = 'secret-2';
    expect(await stage.use()).toMatchObject({ status: 200 });
  });
});

describe('what is logged of a login', () => {
  it('R-SEC-01 is its method, lease and whether it can be renewed', async () => {
    await using stage = await openSession();
    await stage.use();
    expect(stage.log.entries('logged in to OpenBao')).toEqual([
      expect.objectContaining({ '@level': 'info', method: 'approle', lease_s: LEASE, renewable: true }),
    ]);
    expect(stage.log.lines.join()).not.toMatch(/secret-1|"t1"/);
  });
});

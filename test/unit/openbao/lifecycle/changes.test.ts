import { setTimeout } from 'node:timers/promises';

import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { cut, errors, hold, json, keyAnswer, keyData, noContent, type Reply } from '../../../support/fake-openbao.ts';
import { failure, KEY, openKeystore, type Stage } from '../keystore-fixture.ts';

const DISABLE = `${KEY}/soft-delete`;
const ENABLE = `${KEY}/soft-delete-restore`;
const CONFIG = `${KEY}/config`;
const LOST_RACE = errors(500, '1 error occurred:\n\t* transaction commit failed\n\n');
const NOT_ACTIVE: Reply = (response) => response.writeHead(307, { location: 'https://127.0.0.1:1/' }).end();

/** The key in a state, as a read or a change answers it. */
const inState = (softDeleted: boolean): Reply => json(200, { data: { ...keyData('k'), soft_deleted: softDeleted } });

/** A stage whose key can be disabled. */
async function openDisabling(...replies: Reply[]): Promise<Stage> {
  const stage = await openKeystore();
  stage.fake.on('DELETE', DISABLE, ...(replies.length === 0 ? [inState(true)] : replies));
  stage.fake.on('GET', KEY, inState(false), inState(true));
  return stage;
}

const disable = (stage: Stage, call = stage.call()) => stage.keystore.setKeyEnabled(call, 'k', false);
const writes = ({ fake }: Stage): number => fake.requests.filter(({ path }) => path === DISABLE).length;

describe('a change of a key', () => {
  it('R-CHANGE-05 is sent once, must not be passed on, and is read back', async () => {
    await using stage = await openDisabling();
    await disable(stage);
    const [write] = stage.fake.seen('DELETE', DISABLE);
    expect(write?.headers['x-vault-no-request-forwarding']).toBe('true');
    expect(stage.fake.requests.map(({ path }) => path).filter((path) => path.startsWith(KEY))).toEqual([
      KEY,
      DISABLE,
      KEY,
    ]);
  });

  it('R-CHANGE-05 at the only address there is may be passed on where that node is not the active one', async () => {
    await using stage = await openDisabling(NOT_ACTIVE, inState(true));
    await disable(stage);
    const headers = stage.fake.seen('DELETE', DISABLE).map((write) => write.headers['x-vault-no-request-forwarding']);
    expect(headers).toEqual(['true', undefined]);
  });

  it.each<readonly [string, Reply]>([
    ['a connection that breaks', cut],
    ['a lost race', LOST_RACE],
    ['a failure inside OpenBao', errors(500, 'internal error')],
  ])('R-CHANGE-04 is repeated after %s, and then read back', async (_name, reply) => {
    await using stage = await openDisabling(reply, inState(true));
    await disable(stage);
    expect(writes(stage)).toBe(2);
  });

  it('R-CHANGE-03 is not cut off when its caller leaves, is repaired, and the key is free again afterwards', async () => {
    const held = hold(LOST_RACE);
    await using stage = await openDisabling(held.reply, inState(true));
    const caller = new AbortController();
    const result = failure(disable(stage, stage.call({ signal: caller.signal })));
    await stage.fake.requested('DELETE', DISABLE);
    const { connections } = stage.fake;
    caller.abort(new KeystoreError('cancelled', 'the caller went away'));
    expect(await result).toMatchObject({ class: 'cancelled' });
    await setTimeout(20);
    expect(stage.fake.connections).toBe(connections);
    held.release();
    await stage.fake.requested('DELETE', DISABLE, 2);
    await disable(stage);
    expect(writes(stage)).toBe(3);
  });

  it('R-CHANGE-03 that is under way when the keystore is closed is waited for', async () => {
    const held = hold(inState(true));
    await using stage = await openDisabling(held.reply);
    const result = disable(stage);
    await stage.fake.requested('DELETE', DISABLE);
    let closed = false;
    const closing = stage.keystore.close().then(() => (closed = true));
    await setTimeout(20);
    expect(closed).toBe(false);
    held.release();
    await result;
    await closing;
  });

  it('R-CHANGE-02 waits for the one before it, whoever asks for it', async () => {
    const held = hold(inState(true));
    await using stage = await openDisabling(held.reply);
    stage.fake.on('POST', ENABLE, inState(false));
    const first = disable(stage);
    await stage.fake.requested('DELETE', DISABLE);
    stage.fake.on('GET', KEY, inState(true), inState(false));
    const second = stage.keystore.setKeyEnabled(stage.call({ tenant: 1 }), 'k', true);
    await setTimeout(20);
    expect(stage.fake.seen('POST', ENABLE)).toEqual([]);
    stage.fake.on('GET', KEY, inState(true), inState(true), inState(false));
    held.release();
    await Promise.all([first, second]);
  });

  it('R-CHANGE-06 that others undo at once is repeated, and then told as unclear', async () => {
    await using stage = await openDisabling();
    stage.fake.on('GET', KEY, inState(false));
    expect(await failure(disable(stage))).toMatchObject({ class: 'key-state-diverged' });
    expect(writes(stage)).toBe(3);
  });

  it('R-CHANGE-06 that shows late is waited for', async () => {
    await using stage = await openDisabling();
    stage.fake.on('GET', KEY, inState(false), inState(false), inState(true));
    await disable(stage);
    expect(writes(stage)).toBe(1);
  });

  it('R-KEY-32 of a key that went away meanwhile says so', async () => {
    await using stage = await openDisabling(noContent);
    expect(await failure(disable(stage))).toMatchObject({ class: 'key-not-found' });
  });

  it('is refused when the answer is of another shape', async () => {
    await using stage = await openDisabling(json(200, { data: {} }));
    expect(await failure(disable(stage))).toMatchObject({ class: 'malformed-answer' });
  });
});

describe('the end of a key', () => {
  const destroying = { keys: { deletion: 'destroy' } };

  async function openDestroying(...replies: Reply[]): Promise<Stage> {
    const stage = await openKeystore(destroying);
    stage.fake.on('POST', CONFIG, keyAnswer('k'));
    stage.fake.on('DELETE', KEY, ...replies);
    stage.fake.on('GET', KEY, keyAnswer('k'), errors(404));
    return stage;
  }
  const remove = (stage: Stage) => stage.keystore.deleteKey(stage.call(), 'k', {});

  it('R-KEY-38 by destroying asks for the one parameter that allows it', async () => {
    await using stage = await openDestroying(noContent);
    await remove(stage);
    expect(stage.fake.seen('POST', CONFIG).map(({ body }) => body)).toEqual([{ deletion_allowed: true }]);
  });

  it('R-CHANGE-04 whose first try had no clear outcome is done when it is no longer there', async () => {
    await using stage = await openDestroying(
      cut,
      errors(400, 'error deleting policy k: could not delete key; not found'),
    );
    await remove(stage);
    expect(stage.fake.seen('DELETE', KEY)).toHaveLength(2);
  });

  it('R-KEY-38 that another process has brought to its end meanwhile is done', async () => {
    await using stage = await openDestroying(errors(400, 'error deleting policy k: could not delete key; not found'));
    stage.fake.on('POST', CONFIG, errors(400, 'no existing key named k could be found'));
    await remove(stage);
    expect(stage.fake.seen('DELETE', KEY)).toHaveLength(1);
  });

  it('R-CHANGE-06 is repeated when a rotation of others has kept it alive', async () => {
    await using stage = await openDestroying(noContent);
    stage.fake.on('GET', KEY, keyAnswer('k'), keyAnswer('k'), errors(404));
    await remove(stage);
    expect(stage.fake.seen('DELETE', KEY)).toHaveLength(2);
  });

  it('R-KEY-38 that others have forbidden meanwhile is told as such', async () => {
    await using stage = await openDestroying(
      errors(400, 'error deleting policy k: deletion is not allowed for this key'),
    );
    expect(await failure(remove(stage))).toMatchObject({ class: 'deletion-not-allowed' });
  });

  it('R-KEY-38 in some days is not offered: nobody here keeps the time', async () => {
    await using stage = await openDestroying(noContent);
    const scheduled = stage.keystore.deleteKey(stage.call(), 'k', { windowDays: 7 });
    expect(await failure(scheduled)).toMatchObject({ class: 'deletion-not-allowed' });
    expect(stage.fake.seen('DELETE', KEY)).toEqual([]);
  });
});

describe('R-KEY-04 a key that a node does not know', () => {
  it('is missing only when the active node says so', async () => {
    await using stage = await openKeystore();
    stage.fake.on('GET', KEY, errors(404), keyAnswer('k'));
    expect(await stage.keystore.describeKey(stage.call(), 'k')).toMatchObject({ state: 'ENABLED' });
  });

  it('is not said to be missing while no node is active', async () => {
    await using stage = await openKeystore();
    stage.fake.on('GET', KEY, errors(404));
    stage.fake.on('GET', 'sys/health', json(429, { sealed: false, standby: true }));
    for (const work of [
      stage.keystore.describeKey(stage.call(), 'k'),
      stage.keystore.deleteKey(stage.call(), 'k', {}),
      stage.keystore.setKeyEnabled(stage.call(), 'k', true),
    ]) {
      expect(await failure(work)).toMatchObject({ class: 'no-active-node' });
    }
  });

  it('is looked for again when the active node is found a moment later', async () => {
    await using stage = await openKeystore();
    stage.fake.on('GET', KEY, errors(404));
    const standby = json(429, { sealed: false, standby: true });
    stage.fake.on('GET', 'sys/health', standby, json(200, { sealed: false, standby: false }));
    expect(await failure(stage.keystore.describeKey(stage.call(), 'k'))).toMatchObject({ class: 'key-not-found' });
  });

  it('R-CRYPTO-04 does not end a decrypt that another node can do', async () => {
    await using stage = await openKeystore();
    const decrypted = json(200, { data: { plaintext: 'aGVsbG8=' } });
    stage.fake.on('POST', 'transit/decrypt/k', errors(400, 'encryption key not found'), decrypted);
    const ciphertext = Buffer.from(`vault:v1:${Buffer.alloc(32, 1).toString('base64')}`);
    const { plaintext } = await stage.keystore.decrypt(stage.call(), { keyId: 'k', ciphertext });
    expect(plaintext.toString()).toBe('hello');
  });
});

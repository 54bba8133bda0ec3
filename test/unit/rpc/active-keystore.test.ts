import { setImmediate } from 'node:timers/promises';

import { KeystoreError } from '../../../src/keystore/errors.ts';
import type { Keystore } from '../../../src/keystore/keystore.ts';
import { ActiveKeystore } from '../../../src/rpc/active-keystore.ts';

/** A keystore that only begins and ends. */
function openKeystore() {
  const { promise: closed, resolve: release } = Promise.withResolvers<undefined>();
  const told: string[] = [];
  const keystore = {
    quiesce: () => told.push('quiesce'),
    close: async () => {
      told.push('close');
      await closed;
      told.push('closed');
    },
  };
  return { keystore: keystore as unknown as Keystore, told, release: () => release(undefined) };
}

describe('the keystore in force', () => {
  it('R-PROC-21 is none before the first configuration', async () => {
    const active = new ActiveKeystore();
    expect(() => active.get()).toThrow(new KeystoreError('not-configured', 'the plugin is not configured'));
    active.quiesce();
    await active.close();
  });

  it('R-PROC-25 is the new one at once, while the old one ends in its own time', async () => {
    const active = new ActiveKeystore();
    const [old, fresh] = [openKeystore(), openKeystore()];
    active.replace(old.keystore);
    expect(active.get()).toBe(old.keystore);
    active.replace(fresh.keystore);
    expect(active.get()).toBe(fresh.keystore);
    expect([old.told, fresh.told]).toEqual([['close'], []]);
    old.release();
    await setImmediate();
    expect(old.told).toEqual(['close', 'closed']);
    fresh.release();
    await active.close();
    expect(fresh.told).toEqual(['close', 'closed']);
  });

  it('ends with all that it replaced', async () => {
    const active = new ActiveKeystore();
    const keystores = [openKeystore(), openKeystore(), openKeystore()];
    for (const { keystore } of keystores) active.replace(keystore);
    let closed = false;
    const closing = active.close().then(() => (closed = true));
    for (const { release } of keystores) {
      await setImmediate();
      expect(closed).toBe(false);
      release();
    }
    await closing;
  });

  it('R-PROC-26 is quieted, repeatedly too', () => {
    const active = new ActiveKeystore();
    const { keystore, told } = openKeystore();
    active.replace(keystore);
    active.quiesce();
    active.quiesce();
    expect(told).toEqual(['quiesce', 'quiesce']);
  });
});

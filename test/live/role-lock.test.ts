import { setTimeout } from 'node:timers/promises';

import { type OpenBaoServer, startOpenBao } from '../../scripts/openbao/server.ts';
import { administer, enableAppRole } from '../../scripts/openbao/setup.ts';

// The 15 minutes of both, in seconds: what counts is how they compare with the pauses between failures.
const WINDOW_S = 3;
const LOCKED_S = 3;
const MOUNT_SETTINGS = {
  user_lockout_config: {
    lockout_threshold: '5',
    lockout_counter_reset_duration: `${WINDOW_S}s`,
    lockout_duration: `${LOCKED_S}s`,
  },
};

let bao: OpenBaoServer;
beforeAll(async () => {
  bao = await startOpenBao();
});
afterAll(() => bao.stop());

/** A role of its own, and what a login to it is answered. */
async function openRole(role: string): Promise<(secretId?: string) => Promise<number>> {
  const { roleId, secretId: right } = await enableAppRole(bao, { role, policies: ['none'] });
  await administer(bao, 'POST', 'sys/auth/approle/tune', MOUNT_SETTINGS);
  return async (secretId = right) => {
    const body = { role_id: roleId, secret_id: secretId };
    return (await bao.request('POST', 'auth/approle/login', body, { token: '' })).status;
  };
}

// What the pauses of a refused secret id are made for, and what the simulated OpenBao of the unit tests does.
describe('R-AUTH-61 OpenBao’s lockout of a role', () => {
  it('counts failures of which each is close to the one before, over whatever time, and then refuses the right secret too', async () => {
    const login = await openRole('spread');
    const began = performance.now();
    for (let failure = 1; failure <= 5; failure += 1) {
      expect(await login('wrong')).toBe(400);
      await setTimeout(WINDOW_S * 400);
    }
    expect(performance.now() - began).toBeGreaterThan(WINDOW_S * 1000);
    expect(await login()).toBe(403);
    // What comes meanwhile prolongs nothing.
    expect(await login('wrong')).toBe(403);
    await setTimeout(LOCKED_S * 1000);
    expect(await login()).toBe(200);
  });

  it('forgets failures after a pause, and after a success', async () => {
    const login = await openRole('forgiven');
    for (const failures of [4, 4, 4]) {
      for (let failure = 1; failure <= failures; failure += 1) expect(await login('wrong')).toBe(400);
      await setTimeout(WINDOW_S * 1100);
    }
    for (let round = 1; round <= 3; round += 1) {
      for (let failure = 1; failure <= 4; failure += 1) expect(await login('wrong')).toBe(400);
      expect(await login()).toBe(200);
    }
  });
});

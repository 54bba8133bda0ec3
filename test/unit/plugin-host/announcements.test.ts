import { Announcements, MAX_UNDIALLED } from '../../../plugin-host/announcements.ts';
import { completeLimits, TIME_LIMITS } from '../../../plugin-host/limits.ts';

const { brokerTimeoutMs: timeoutMs } = completeLimits(TIME_LIMITS);
const { signal } = new AbortController();
const announcement = (serviceId: number, address = `/socket${serviceId}`, network = 'unix') => ({
  serviceId,
  network,
  address,
  knock: undefined,
});

test('H22 an announcement is taken once, whether it comes before the dial or after', async () => {
  const announcements = new Announcements();
  announcements.add(announcement(7));
  expect(await announcements.take(7, { timeoutMs, signal })).toEqual({ network: 'unix', address: '/socket7' });
  const waiting = announcements.take(7, { timeoutMs, signal });
  announcements.add(announcement(8));
  announcements.add(announcement(7, '127.0.0.1:1', 'tcp'));
  expect(await waiting).toEqual({ network: 'tcp', address: '127.0.0.1:1' });
  expect(announcements.size).toBe(1);
});

describe('H22 R-HOST-74 a dial that is never answered', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('is given up after 5 s, with nothing left of it', async () => {
    const announcements = new Announcements();
    const outcome = jest.fn();
    const waiting = announcements.take(7, { timeoutMs, signal }).then(outcome, outcome);
    await jest.advanceTimersByTimeAsync(4999);
    expect(outcome).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    await waiting;
    expect(outcome).toHaveBeenCalledWith(
      expect.objectContaining({
        code: 'ERR_BROKER_TIMEOUT',
        message: 'timeout waiting for connection info: the plugin announced no brokered id 7 within 5000 ms',
      }),
    );
    expect(jest.getTimerCount()).toBe(0);
    announcements.add(announcement(7));
    await expect(announcements.take(7, { timeoutMs, signal })).resolves.toMatchObject({ address: '/socket7' });
  });

  test('ends with its signal, with nothing left of it', async () => {
    const given = new AbortController();
    const waiting = new Announcements().take(7, { timeoutMs, signal: given.signal });
    const reason = new Error('no longer wanted');
    given.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
  });
});

test('H22 an id that is being dialled is not dialled by another', async () => {
  const announcements = new Announcements();
  const first = announcements.take(7, { timeoutMs, signal });
  await expect(announcements.take(7, { timeoutMs, signal })).rejects.toMatchObject({ code: 'ERR_BROKER_ID' });
  announcements.add(announcement(7));
  await first;
});

test('H22 an id that is announced anew is dialled where it is now', async () => {
  const announcements = new Announcements();
  announcements.add(announcement(7, '/before'));
  announcements.add(announcement(7, '/now'));
  expect(announcements.size).toBe(1);
  expect(await announcements.take(7, { timeoutMs, signal })).toMatchObject({ address: '/now' });
});

test.each([
  ['ERR_NETWORK', 'udp', '127.0.0.1:1'],
  ['ERR_NETWORK', '', ''],
  ['ERR_ADDRESS', 'unix', ''],
  ['ERR_ADDRESS', 'tcp', 'localhost'],
  ['ERR_ADDRESS', 'unix', '/'.repeat(513)],
])('H22 the dial of an announcement that names no place is %s', async (code, network, address) => {
  const announcements = new Announcements();
  announcements.add(announcement(7, address, network));
  await expect(announcements.take(7, { timeoutMs, signal })).rejects.toMatchObject({ code });
  const waiting = announcements.take(7, { timeoutMs, signal });
  announcements.add(announcement(7, address, network));
  await expect(waiting).rejects.toMatchObject({ code });
});

test('H22 R-HOST-74 a plugin that announces for ever fills no memory: the latest are kept', async () => {
  const announcements = new Announcements();
  for (let id = 1; id <= 10 * MAX_UNDIALLED; id += 1) announcements.add(announcement(id));
  expect(announcements.size).toBe(MAX_UNDIALLED);
  const last = 10 * MAX_UNDIALLED;
  for (const kept of [last, last - MAX_UNDIALLED + 1]) {
    await expect(announcements.take(kept, { timeoutMs, signal })).resolves.toMatchObject({ network: 'unix' });
  }
  const forgotten = announcements.take(last - MAX_UNDIALLED, { timeoutMs: 1, signal });
  await expect(forgotten).rejects.toMatchObject({ code: 'ERR_BROKER_TIMEOUT' });
});

import { PassThrough } from 'node:stream';

import { acceptHandshake, readFirstLine } from '../../../plugin-host/handshake-reader.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { formatHandshakeLine } from '../../../plugin-protocol/handshake.ts';

const { signal } = new AbortController();

describe('the first line', () => {
  test('is put together from its pieces; the rest is drained', async () => {
    const stdout = new PassThrough();
    const line = readFirstLine(stdout, signal);
    for (const piece of ['1|1|un', 'ix|/so', 'cket|grpc|\nrest', ' and more\n']) stdout.write(piece);
    await expect(line).resolves.toBe('1|1|unix|/socket|grpc|');
    stdout.write(Buffer.alloc(10 * 1024 * 1024));
    await new Promise((resolve) => setImmediate(resolve));
    expect(stdout.readableLength).toBe(0);
    expect(stdout.listenerCount('data')).toBe(0);
  });

  test('at the end of the stream needs no end of its own', async () => {
    const stdout = new PassThrough();
    const line = readFirstLine(stdout, signal);
    stdout.end('1|1|unix');
    await expect(line).resolves.toBe('1|1|unix');
  });

  test.each([
    ['that ends', (stdout: PassThrough) => Promise.resolve(stdout.end())],
    [
      'that has ended before',
      async (stdout: PassThrough) => {
        stdout.end();
        stdout.resume();
        await new Promise((resolve) => stdout.once('end', resolve));
      },
    ],
  ])('of a stream %s without one is missing', async (_name, end) => {
    const stdout = new PassThrough();
    await end(stdout);
    await expect(readFirstLine(stdout, signal)).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_MISSING' });
  });

  test('is not waited for after the signal', async () => {
    const stdout = new PassThrough();
    const controller = new AbortController();
    const reason = new Error('enough');
    const line = readFirstLine(stdout, controller.signal);
    controller.abort(reason);
    await expect(line).rejects.toBe(reason);
    await expect(readFirstLine(new PassThrough(), controller.signal)).rejects.toBe(reason);
  });
});

describe('an accepted handshake', () => {
  const { certificateDer } = createOneTimeCertificate();
  const line = { appVersion: 2, network: 'unix', address: '/socket', protocol: 'grpc', certificateDer } as const;

  test('H6 is what the plugin formats', () => {
    expect(acceptHandshake(formatHandshakeLine(line), [1, 2])).toEqual(line);
  });

  test.each([
    ['H32 a version that was not offered', line, [1], 'ERR_APP_VERSION', 'application protocol version'],
    ['H5 netrpc', { ...line, protocol: 'netrpc' as const }, [2], 'ERR_PROTOCOL', 'protocol'],
    ['H9 no certificate', { ...line, certificateDer: undefined }, [2], 'ERR_CERTIFICATE_MISSING', 'certificate'],
  ])('%s is refused', (_name, { certificateDer: der, ...rest }, versions, code, handshakeField) => {
    const text = formatHandshakeLine({ ...rest, ...(der && { certificateDer: der }) });
    expect(() => acceptHandshake(text, versions)).toThrow(
      expect.objectContaining({ name: 'PluginHostError', code, details: { handshakeField } }) as Error,
    );
  });
});

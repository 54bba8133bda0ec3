import { acceptHandshake, FirstLine } from '../../../plugin-host/handshake-reader.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { formatHandshakeLine } from '../../../plugin-protocol/handshake.ts';

const { signal } = new AbortController();

function given(...pieces: string[]): FirstLine {
  const stdout = new FirstLine();
  for (const piece of pieces) stdout.write(Buffer.from(piece));
  return stdout;
}

describe('the first line', () => {
  test('is put together from its pieces; the rest is dropped', async () => {
    const stdout = given('1|1|un', 'ix|/so', 'cket|grpc|\nrest', ' and more\n');
    stdout.end();
    await expect(stdout.read(signal)).resolves.toBe('1|1|unix|/socket|grpc|');
  });

  test('at the end of the stream needs no end of its own', async () => {
    const stdout = given('1|1|unix');
    const line = stdout.read(signal);
    stdout.end();
    await expect(line).resolves.toBe('1|1|unix');
  });

  test.each([
    ['that ends', (stdout: FirstLine) => setImmediate(() => stdout.end())],
    ['that has ended before', (stdout: FirstLine) => stdout.end()],
  ])('of a stream %s without one is missing', async (_name, end) => {
    const stdout = given();
    end(stdout);
    await expect(stdout.read(signal)).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_MISSING' });
  });

  test('that is there counts even after the signal', async () => {
    await expect(given('hello\n').read(AbortSignal.abort(new Error('enough')))).resolves.toBe('hello');
  });

  test('is not waited for after the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const line = given('hel').read(controller.signal);
    controller.abort(reason);
    await expect(line).rejects.toBe(reason);
    await expect(given().read(controller.signal)).rejects.toBe(reason);
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

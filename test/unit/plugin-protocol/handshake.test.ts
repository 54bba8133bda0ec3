import fc from 'fast-check';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { formatHandshakeLine, parseHandshakeLine, type HandshakeLine } from '../../../plugin-protocol/handshake.ts';
import { protocolErrorOf } from '../../support/protocol-error.ts';
import { HANDSHAKE_LINES } from '../../vectors/protocol.ts';

type LineVector = (typeof HANDSHAKE_LINES.good)[number]['value'];

function fromVector({ certificate, ...line }: LineVector): HandshakeLine {
  return certificate === undefined ? line : { ...line, certificateDer: Buffer.from(certificate, 'base64') };
}

const codeOf = (action: () => unknown): string | undefined => protocolErrorOf(action)?.code;

describe('parse', () => {
  test.each(HANDSHAKE_LINES.good)('accepts: $name', ({ line, value }) => {
    expect(parseHandshakeLine(line)).toStrictEqual(fromVector(value));
  });

  test.each(HANDSHAKE_LINES.bad)('refuses: $name ($code)', ({ line, code }) => {
    expect(codeOf(() => parseHandshakeLine(line))).toBe(code);
  });

  test('takes any text without failing otherwise', () => {
    const field = fc.oneof(fc.constantFrom('1', 'unix', 'tcp', 'grpc', '', 'true', 'A'.repeat(60)), fc.string());
    const lines = fc.oneof(
      fc.string(),
      fc.array(field, { maxLength: 9 }).map((fields) => fields.join('|')),
    );
    fc.assert(
      fc.property(lines, (line) => {
        codeOf(() => parseHandshakeLine(line));
      }),
      { numRuns: 2000 },
    );
  });

  test('quotes at most a part of what the peer sent, on one line', () => {
    const banner = `first\u001b[31m\n${'x'.repeat(100_000)}`;
    expect(() => parseHandshakeLine(banner)).toThrow(/^unrecognized remote plugin message: "first\\u001b[^\n]{1,250}$/);
  });
});

describe('format', () => {
  test.each(HANDSHAKE_LINES.good.filter(({ canonical }) => canonical))('writes: $name', ({ line, value }) => {
    expect(formatHandshakeLine(fromVector(value))).toBe(line);
  });

  test.each([['a|b'], ['a\nb'], ['a\rb'], ['a\0b'], ['']])(
    'refuses the address %j, which no line can carry',
    (address) => {
      const line = { appVersion: 1, network: 'unix', address, protocol: 'grpc' } as const;
      expect(codeOf(() => formatHandshakeLine(line))).toBe('ERR_ADDRESS');
    },
  );

  test('refuses a version that is no integer', () => {
    const line = { appVersion: 1.5, network: 'unix', address: '/s', protocol: 'grpc' } as const;
    expect(codeOf(() => formatHandshakeLine(line))).toBe('ERR_APP_VERSION_FORMAT');
  });
});

test('what is written is read', () => {
  const certificates = Array.from({ length: 5 }, () => createOneTimeCertificate().certificateDer);
  const path = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[|\r\n\0]/.test(text));
  const location = fc.oneof(
    fc.record({ network: fc.constant('unix' as const), address: path.map((text) => `/${text}`) }),
    fc.record({
      network: fc.constant('tcp' as const),
      address: fc.nat(65_535).map((port) => `127.0.0.1:${port}`),
    }),
  );
  const rest = fc.record(
    {
      appVersion: fc.maxSafeInteger(),
      protocol: fc.constantFrom('grpc' as const, 'netrpc' as const),
      certificateDer: fc.constantFrom(...certificates),
      multiplexing: fc.boolean(),
    },
    { requiredKeys: ['appVersion', 'protocol'] },
  );
  fc.assert(
    fc.property(location, rest, (where, others) => {
      const line: HandshakeLine = { ...where, ...others };
      const text = formatHandshakeLine(line);
      expect(text).toMatch(/^[^\n]+\n$/);
      expect(parseHandshakeLine(text)).toStrictEqual(line);
    }),
  );
});

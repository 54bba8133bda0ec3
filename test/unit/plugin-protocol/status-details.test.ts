import { Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import {
  formatStatusDetails,
  parseStatusDetails,
  STATUS_DETAILS_KEY,
} from '../../../plugin-protocol/status-details.ts';

const KNOWN = {
  code: status.UNAVAILABLE,
  message: 'sealed',
  errorInfo: { reason: 'SEALED', domain: 'openbao', metadata: { node: 'a' } },
  retryDelayMs: 1500,
};

test('writes the bytes that other implementations write', () => {
  const text = (value: string): string => Buffer.from(value).toString('hex');
  const type = (name: string): string => `0a${(20 + name.length).toString(16)}${text(`type.googleapis.com/${name}`)}`;
  const info = `0a06${text('SEALED')}1207${text('openbao')}1a090a04${text('node')}1201${text('a')}`;
  const retry = '0a0808011080cab5ee01';
  const any = (name: string, value: string): string => {
    const content = `${type(name)}12${(value.length / 2).toString(16).padStart(2, '0')}${value}`;
    return `1a${(content.length / 2).toString(16)}${content}`;
  };
  expect(formatStatusDetails(KNOWN).toString('hex')).toBe(
    `080e1206${text('sealed')}${any('google.rpc.ErrorInfo', info)}${any('google.rpc.RetryInfo', retry)}`,
  );
});

test('fits the trailer of a call', () => {
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS_KEY, formatStatusDetails(KNOWN));
  const [bytes] = metadata.get(STATUS_DETAILS_KEY);
  expect(parseStatusDetails(bytes as Buffer)).toStrictEqual(KNOWN);
});

test('what is written is read', () => {
  const text = fc.string({ unit: 'grapheme' });
  const details = fc.record(
    {
      code: fc.nat(16),
      message: text,
      errorInfo: fc.record(
        {
          reason: text,
          domain: text,
          metadata: fc.dictionary(text, text, { noNullPrototype: true }),
        },
        { noNullPrototype: true },
      ),
      retryDelayMs: fc.nat(10_000_000),
    },
    { requiredKeys: ['code', 'message'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(details, (given) => {
      expect(parseStatusDetails(formatStatusDetails(given))).toStrictEqual(given);
    }),
  );
});

test('bytes that are no status are none, and nothing makes it fail', () => {
  expect(parseStatusDetails(Buffer.from('0801ff', 'hex'))).toBeUndefined();
  expect(parseStatusDetails(Buffer.from([0x1a, 0x7f]))).toBeUndefined();
  expect(parseStatusDetails(Buffer.alloc(0))).toStrictEqual({ code: 0, message: '' });
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      parseStatusDetails(bytes);
    }),
  );
});

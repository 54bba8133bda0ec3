import fc from 'fast-check';
import { Struct as GoogleStruct } from 'google-protobuf/google/protobuf/struct_pb.js';
import { Timestamp as GoogleTimestamp } from 'google-protobuf/google/protobuf/timestamp_pb.js';

import { Struct } from '../../../proto/gen/google/protobuf/struct.ts';
import { Timestamp } from '../../../proto/gen/google/protobuf/timestamp.ts';
import { structContent } from './arbitrary-message.ts';

// The order of map entries is free on the wire; google-protobuf sorts them.
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('google.protobuf.Struct', () => {
  const encode = (content: object): Uint8Array => Struct.encode(Struct.wrap(content)).finish();

  test('R-PROC-02 both libraries write the same bytes, map keys sorted', () => {
    fc.assert(
      fc.property(structContent, (content) => {
        const google = GoogleStruct.fromJavaScript(content).serializeBinary();
        expect(hex(encode(sorted(content) as object))).toBe(hex(google));
      }),
    );
  });

  test('R-PROC-02 each library reads what the other wrote', () => {
    fc.assert(
      fc.property(structContent, (content) => {
        const google = GoogleStruct.fromJavaScript(content).serializeBinary();
        expect(Struct.unwrap(Struct.decode(google))).toEqual(content);
        expect(GoogleStruct.deserializeBinary(encode(content)).toJavaScript()).toEqual(content);
      }),
    );
  });
});

describe('google.protobuf.Timestamp', () => {
  const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
  const nanos = fc.integer({ min: 0, max: 999_999_999 });

  test('R-PROC-02 both libraries write the same bytes and read them back, to the nanosecond', () => {
    fc.assert(
      fc.property(seconds, nanos, (wholeSeconds, rest) => {
        const ours = Timestamp.encode({ seconds: BigInt(wholeSeconds), nanos: rest }).finish();
        const google = new GoogleTimestamp();
        google.setSeconds(wholeSeconds);
        google.setNanos(rest);
        expect(hex(ours)).toBe(hex(google.serializeBinary()));

        expect(Timestamp.decode(google.serializeBinary())).toEqual({ seconds: BigInt(wholeSeconds), nanos: rest });
        const read = GoogleTimestamp.deserializeBinary(ours);
        expect([read.getSeconds(), read.getNanos()]).toEqual([wholeSeconds, rest]);
      }),
    );
  });
});

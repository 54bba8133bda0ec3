import { Metadata } from '@grpc/grpc-js';

import { readCorrelation } from '../../../src/rpc/correlation.ts';

function metadata(entries: Readonly<Record<string, string>>): Metadata {
  const made = new Metadata();
  for (const [name, value] of Object.entries(entries)) made.set(name, value);
  return made;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('R-AUDIT-04 the ids that come with a call', () => {
  it.each([
    [{ 'x-correlation-id': 'abc' }, 'abc'],
    [{ 'x-request-id': 'def' }, 'def'],
    [{ 'x-correlation-id': 'abc', 'x-request-id': 'def' }, 'abc'],
    [{ 'x-correlation-id': 'no id, for it has blanks', 'x-request-id': 'def' }, 'def'],
  ])('%j: %s', (entries, id) => {
    expect(readCorrelation(metadata(entries)).correlationId).toBe(id);
  });

  it('a call without one gets one of its own', () => {
    const [one, other] = [readCorrelation(metadata({})), readCorrelation(metadata({ 'x-request-id': 'a b' }))];
    expect(one.correlationId).toMatch(UUID);
    expect(other.correlationId).toMatch(UUID);
    expect(one.correlationId).not.toBe(other.correlationId);
  });

  it.each([
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '4bf92f3577b34da6a3ce929d0e0e4736'],
    ['nonsense', undefined],
    ['00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01', undefined],
  ])('traceparent %s', (text, id) => {
    expect(readCorrelation(metadata({ traceparent: text })).traceId).toBe(id);
  });
});

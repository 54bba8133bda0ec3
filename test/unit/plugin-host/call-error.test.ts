import { Metadata, type ServiceError, status } from '@grpc/grpc-js';

import { toCallError } from '../../../plugin-host/call-error.ts';

function ended(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() });
}

describe('the error of a call', () => {
  const call = { plugin: 'TEST', method: '/test.v1.TestService/Echo' };
  const past = (): number => Date.now() - 1;
  const future = (): number => Date.now() + 600_000;

  test.each([
    ['a reset before its deadline', status.CANCELLED, future(), status.CANCELLED],
    ['a reset after it', status.CANCELLED, past(), status.DEADLINE_EXCEEDED],
    ['an answer after it', status.NOT_FOUND, past(), status.NOT_FOUND],
    ['its own end', status.DEADLINE_EXCEEDED, past(), status.DEADLINE_EXCEEDED],
  ])('R-HOST-08 %s', (_name, code, deadline, told) => {
    expect(toCallError(ended(code, 'text'), { ...call, deadline })).toMatchObject({
      ...call,
      code: told,
      status: status[told],
      message: code === told ? 'text' : 'the time of the call is over',
    });
  });

  test('R-HOST-08 no status and no answer', () => {
    expect(toCallError(null, { ...call, deadline: future() })).toMatchObject({
      code: status.INTERNAL,
      message: 'the call ended without an answer',
    });
  });
});

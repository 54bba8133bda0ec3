import { inspect } from 'node:util';

import fc from 'fast-check';

import { Secret } from '../../../src/config/secret.ts';

describe('Secret', () => {
  test('R-SEC-02 no way of printing a secret shows it, and reveal gives it back', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (text) => {
        fc.pre(!'[redacted]'.includes(text));
        const secret = new Secret(text);
        const printed = [
          String(secret),
          secret.toString(),
          JSON.stringify({ secret }),
          inspect({ nested: [secret] }, { depth: 9, showHidden: true }),
          JSON.stringify(Object.entries(secret)),
        ].join('\n');
        expect(printed).not.toContain(text);
        expect(secret.reveal()).toBe(text);
      }),
    );
  });

  test('R-SEC-02 an error that carries a secret prints without it', () => {
    const error = Object.assign(new Error('login failed'), { secretId: new Secret('canary-secret-id') });
    expect(inspect(error)).toContain('[redacted]');
    expect(inspect(error)).not.toContain('canary-secret-id');
  });
});

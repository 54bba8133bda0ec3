import type { SourceRef } from '../../config/source-ref.ts';
import { answerData } from '../answer.ts';
import { TOKEN_PATHS } from '../paths.ts';
import { readAccessor, saysTokenIsDead } from '../token.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type LoginMethod, USUAL_REST } from './login-method.ts';
import { type ReadValue, readCredential } from './read-value.ts';

/** A token that somebody else has made, for development. A look at it stands for the login. */
export function createStaticToken(options: { readonly token: SourceRef; readonly read: ReadValue }): LoginMethod {
  return {
    name: 'token',
    rest: USUAL_REST,
    borrowed: true,
    async prepare() {
      const token = await readCredential(options.read, options.token);
      return { verb: 'read', path: TOKEN_PATHS.lookupSelf, token, fingerprint: fingerprintOf(token) };
    },
    judge: (answer) =>
      saysTokenIsDead(answer) ? { class: 'login-refused', message: 'OpenBao does not know the token' } : undefined,
    readToken(answer, { token }, now) {
      const data = answer.status === 200 ? answerData(answer) : undefined;
      if (token === undefined || typeof data?.ttl !== 'number') return undefined;
      // Whole seconds: 0 is a token without an end, or one whose end is near.
      const endless = data.ttl === 0 && data.expire_time === null;
      const leaseMs = endless ? Infinity : Math.max(data.ttl, 1) * 1000;
      const accessor = readAccessor(data.accessor);
      return { value: token, accessor, renewable: data.renewable === true, leaseMs, expiresAt: now + leaseMs };
    },
  };
}

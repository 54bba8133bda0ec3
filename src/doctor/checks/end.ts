import { Secret } from '../../config/secret.ts';
import { answerData } from '../../openbao/answer.ts';
import { TOKEN_PATHS } from '../../openbao/paths.ts';
import { type Check, failed, ok, skipped } from '../check.ts';

export const END_CHECKS: readonly Check[] = [
  {
    id: 'end.revoked',
    title: 'nothing is left behind',
    needs: ['token.lookup'],
    pre: true,
    cause:
      'The token could not be revoked: it lives on until its time is over, here and after every stop of the plugin.',
    fix: 'Add the line to the policy; end the token by its accessor: bao token revoke -accessor.',
    policy: [{ path: TOKEN_PATHS.revokeSelf, capabilities: ['update'] }],
    async examine(examination) {
      if (examination.borrowsToken) return skipped('the token was made elsewhere and is left as it is');
      const value = answerData(await examination.lookUpToken())?.id;
      await examination.endSession();
      if (typeof value !== 'string') return skipped('the token cannot be looked at');
      if (value.startsWith('b.')) return skipped('a batch token ends by itself');
      const answer = await examination.lookUpAsStranger(new Secret(value));
      return answer.status === 403 ? ok('the token is revoked') : failed('the token is still alive');
    },
  },
];

import { answerErrors, type Answer } from '../answer.ts';
import type { LoginVerdict } from './login-method.ts';

/** A status and text by which OpenBao refuses a credential. */
export interface RefusalRow {
  readonly status: number;
  readonly text: RegExp;
  readonly class: LoginVerdict['class'];
  readonly restMs?: number;
  readonly cause?: LoginVerdict['cause'];
}

const MESSAGES: Readonly<Record<LoginVerdict['class'], string>> = {
  'login-refused': 'OpenBao refused the login',
  'login-locked-out': 'OpenBao denies every login: the role is locked, or the auth mount is wrong',
};

/** The verdict of a method's list on an answer. */
export function judgeBy(rows: readonly RefusalRow[], answer: Answer): LoginVerdict | undefined {
  const errors = answerErrors(answer);
  const row = rows.find(({ status, text }) => answer.status === status && errors?.some((error) => text.test(error)));
  if (row === undefined) return undefined;
  const { cause, class: verdict, restMs } = row;
  return {
    class: verdict,
    message: MESSAGES[verdict],
    ...(restMs !== undefined && { restMs }),
    ...(cause && { cause }),
  };
}

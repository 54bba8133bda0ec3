import { answerData } from '../openbao/answer.ts';
import { healthAnswers, releaseOf } from './checks/server.ts';
import type { Examination } from './examination.ts';
import type { CheckResult, Overview } from './report.ts';

/** The whole in a few words, of what the checks have found out already. */
export async function overviewOf(examination: Examination, results: readonly CheckResult[]): Promise<Overview> {
  const was = (status: CheckResult['status'], begin: string): boolean =>
    results.some((result) => result.id.startsWith(begin) && result.status === status);
  const token = was('ok', 'token.lookup') ? answerData(await examination.token()) : undefined;
  const answers =
    was('ok', 'server.answers') || was('warning', 'server.answers') ? await healthAnswers(examination) : [];
  return {
    version: releaseOf(answers[0]?.answer.body),
    loggedIn: was('ok', 'login.accepted') ? 'yes' : was('failed', 'login.') ? 'no' : 'unknown',
    policies: textsOf(token?.policies),
    transit: was('ok', 'transit.type') ? 'enabled' : TRANSIT_IS.some((id) => was('failed', id)) ? 'missing' : 'unknown',
  };
}

const TRANSIT_IS = ['transit.mount', 'transit.type'];

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

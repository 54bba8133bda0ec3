import { answerData } from '../openbao/answer.ts';
import { healthAnswers, releaseOf } from './checks/server.ts';
import type { CheckId } from './check.ts';
import type { Examination } from './examination.ts';
import type { Outcomes } from './outcomes.ts';
import type { Overview } from './report.ts';

/** The whole in a few words, of what the checks have found out already. */
export async function overviewOf(examination: Examination, outcomes: Outcomes): Promise<Overview> {
  const isGood = (id: CheckId): boolean => outcomes.isGood(id);
  const token = isGood('token.lookup') ? answerData(await examination.token()) : undefined;
  const [answer] = isGood('server.answers') ? await healthAnswers(examination) : [];
  return {
    version: releaseOf(answer?.answer.body),
    loggedIn: isGood('login.accepted') ? 'yes' : isGood('server.unsealed') ? 'no' : 'unknown',
    policies: textsOf(token?.policies),
    transit: isGood('transit.type') ? 'enabled' : isGood('login.accepted') ? 'missing' : 'unknown',
  };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

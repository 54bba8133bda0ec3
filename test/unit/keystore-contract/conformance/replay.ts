import type { CallStep, ConformanceCase } from '../../../../keystore-contract/conformance/case.ts';
import { PROFILES } from '../../../../keystore-contract/conformance/case.ts';
import { type CaseResult, runCase } from '../../../../keystore-contract/conformance/runner.ts';
import type { Stage, StageActs } from '../../../../keystore-contract/conformance/stage.ts';
import type { Outcome, Subject } from '../../../../keystore-contract/conformance/subject.ts';

/** How one run of a case went, call by call and act by act. */
export interface Recording {
  readonly stage: Stage;
  readonly outcomes: readonly Outcome<object>[];
  readonly given: readonly unknown[];
  readonly result: CaseResult;
}

/** Runs a case and keeps what came of each of its calls and acts. */
export async function record(conformanceCase: ConformanceCase, subject: Subject, stage: Stage): Promise<Recording> {
  const outcomes: Outcome<object>[] = [];
  const given: unknown[] = [];
  const result = await runCase(conformanceCase, {
    profiles: PROFILES,
    subject: {
      async call(method, request) {
        const place = outcomes.push({ response: {} }) - 1;
        const outcome = await subject.call(method, request);
        outcomes[place] = outcome as Outcome<object>;
        return outcome;
      },
    },
    stage: {
      ...stage,
      acts: eachAct(stage.acts, (act) => async (text) => {
        const value = await act(text);
        given.push(value);
        return value;
      }),
    },
  });
  return { stage, outcomes, given, result };
}

/** Runs a case once more without a plugin: everything is as recorded, except the outcome of one call. */
export function replay(
  conformanceCase: ConformanceCase,
  { given, outcomes, stage }: Recording,
  lie?: { readonly at: number; readonly outcome: Outcome<object> },
): Promise<CaseResult> {
  const [acts, calls] = [given.values(), outcomes.entries()];
  return runCase(conformanceCase, {
    profiles: PROFILES,
    subject: {
      call: () => {
        const [index, outcome] = calls.next().value ?? [-1, { response: {} }];
        return Promise.resolve((index === lie?.at ? lie.outcome : outcome) as never);
      },
    },
    stage: { ...stage, acts: eachAct(stage.acts, () => () => Promise.resolve(acts.next().value)) },
  });
}

/** The call steps of a case, each with the number of its last call. */
export function callsOf({ steps }: ConformanceCase): { readonly step: CallStep; readonly last: number }[] {
  let calls = 0;
  return steps
    .filter((step) => 'call' in step)
    .map((step) => {
      calls += step.times ?? 1;
      return { step, last: calls - 1 };
    });
}

type AnyAct = (text?: string) => Promise<unknown>;

function eachAct(acts: Partial<StageActs>, wrap: (act: AnyAct) => AnyAct): Partial<StageActs> {
  return Object.fromEntries(Object.entries(acts).map(([name, act]) => [name, wrap(act as AnyAct)]));
}

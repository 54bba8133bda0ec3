import { type ConformanceCase, PROFILES } from '../../keystore-contract/conformance/case.ts';
import { CONFORMANCE_CASES } from '../../keystore-contract/conformance/cases/index.ts';
import { runCase, skipReason } from '../../keystore-contract/conformance/runner.ts';
import { type Capability, capabilitiesOf, type Stage } from '../../keystore-contract/conformance/stage.ts';
import type { Subject } from '../../keystore-contract/conformance/subject.ts';

/** A configured plugin and what is around it. */
export interface ConformanceSetting extends AsyncDisposable {
  readonly subject: Subject;
  readonly stage: Stage;
}

/**
 * Every conformance case as a test, on a plugin that claims every profile. `lacks` is what its stage does not offer: cases
 * that need it are skipped, and nothing else may be. `isProduct` is false for a plugin that is not the product: then what
 * it does shows none of the product's requirements.
 */
export function conformanceSuite(
  open: () => Promise<ConformanceSetting>,
  lacks: readonly Capability[] = [],
  { isProduct = true }: { readonly isProduct?: boolean } = {},
): void {
  let setting: ConformanceSetting | undefined;
  beforeAll(async () => {
    setting = await open();
  });
  afterAll(() => setting?.[Symbol.asyncDispose]());

  it('the stage lacks what it is said to lack and nothing else', () => {
    const offered = capabilitiesOf(setting!.stage);
    expect(lacks.filter((capability) => offered.has(capability))).toEqual([]);
  });

  for (const each of CONFORMANCE_CASES) {
    const needed = lacks.filter((capability) => isNeeded(each, capability));
    const title = [...(isProduct ? each.requirements : []), each.id, each.title].join(' ');
    if (needed.length > 0) it.skip(`${title} (needs ${needed.join(', ')})`, () => undefined);
    else {
      it(title, async () => {
        const result = await runCase(each, { ...setting!, profiles: PROFILES });
        expect(result).toEqual({ id: each.id, title: each.title, outcome: 'passed' });
      });
    }
  }
}

/** Whether a stage that offers everything but this lets a case be skipped. */
function isNeeded(conformanceCase: ConformanceCase, capability: Capability): boolean {
  const everythingElse = { has: (name: string) => name !== capability } as ReadonlySet<string>;
  return skipReason(conformanceCase, PROFILES, everythingElse) !== undefined;
}

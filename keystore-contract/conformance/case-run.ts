import { status } from '@grpc/grpc-js';

import type { ActStep, AlterStep, CallStep, LocalDecryptStep, LocalEncryptStep, Step, WrapStep } from './case.ts';
import { type WrappingParameters, wrapKeyMaterial } from './key-material.ts';
import { alterCiphertext, decryptLocally, encryptLocally } from './local-ciphertext.ts';
import { METHODS } from './methods.ts';
import { type MatchContext, mismatch } from './pattern.ts';
import { codeMismatch, manners, refusalMismatch } from './refusal.ts';
import { redact, type Secrets, secretsOf, withSecrets } from './secrets.ts';
import type { Stage, StageActs } from './stage.ts';
import type { Outcome, Subject, UnaryMethod } from './subject.ts';
import { CaseError, lookUp, lookUpBytes, lookUpText, resolve } from './template.ts';

// Names of keys, fields and regions may be said; what leads to a key may not.
function isValues(fact: unknown): boolean {
  return typeof fact === 'object' && !Buffer.isBuffer(fact);
}

/** One run of a case: the names that its steps have given, and the secrets it has used. */
export class CaseRun {
  readonly #subject: Subject;
  readonly #acts: Partial<StageActs>;
  readonly #scope: Map<string, unknown>;
  #secrets: Secrets;

  constructor({ stage, subject }: { readonly stage: Stage; readonly subject: Subject }) {
    this.#subject = subject;
    this.#acts = stage.acts;
    this.#scope = new Map(Object.entries(stage.facts));
    this.#secrets = secretsOf(Object.values(stage.facts).filter(isValues));
  }

  /** Carries out steps until one fails. */
  async all(steps: readonly Step[], word: string): Promise<string | undefined> {
    for (const [index, step] of steps.entries()) {
      const failure = await this.#carryOut(step).catch((error: unknown) => this.#explain(error));
      if (failure !== undefined) return `${word} ${index + 1}, ${nameOf(step)}: ${failure}`;
    }
    return undefined;
  }

  async #carryOut(step: Step): Promise<string | undefined> {
    if ('call' in step) return this.#call(step);
    if ('decryptWith' in step) return this.#decryptLocally(step);
    if ('act' in step) await this.#act(step);
    else if ('wrap' in step) this.#wrap(step);
    else if ('alter' in step) this.#alter(step);
    else this.#encryptLocally(step);
    return undefined;
  }

  async #call(step: CallStep): Promise<string | undefined> {
    const method = METHODS[step.call] as unknown as UnaryMethod<object, object>;
    const written = resolve(step.request ?? {}, this.#scope) as object;
    const request = { ...method.requestDeserialize(Buffer.alloc(0)), ...written };
    const outcomes = await Promise.all(
      Array.from({ length: step.times ?? 1 }, () => this.#subject.call(method, request)),
    );
    const context = { scope: this.#scope, secrets: withSecrets(this.#secrets, secretsOf(written)) };
    for (const outcome of outcomes) {
      const failure = judge(step, outcome, context);
      if (failure !== undefined) return failure;
    }
    const [outcome] = outcomes;
    if (step.as !== undefined && outcome !== undefined && 'response' in outcome)
      this.#scope.set(step.as, outcome.response);
    return undefined;
  }

  async #act(step: ActStep): Promise<void> {
    const act = this.#acts[step.act] as ((text?: string) => Promise<unknown>) | undefined;
    if (act === undefined) throw new CaseError(`the stage has no ${step.act}`);
    const given = await act('on' in step ? lookUpText(step.on, this.#scope) : undefined);
    if ('as' in step) this.#scope.set(step.as, given);
  }

  #wrap({ as, variant, wrap }: WrapStep): void {
    const parameters = lookUp(`${wrap}.importParameters`, this.#scope) as WrappingParameters;
    const wrapped = wrapKeyMaterial(parameters, variant === undefined ? {} : { variant });
    this.#secrets = withSecrets(this.#secrets, secretsOf(wrapped));
    this.#scope.set(as, wrapped);
  }

  #alter({ alter, as, how }: AlterStep): void {
    this.#scope.set(as, alterCiphertext(lookUpBytes(alter, this.#scope), how));
  }

  #encryptLocally({ as, encryptWith, plaintext }: LocalEncryptStep): void {
    this.#scope.set(as, encryptLocally(lookUpBytes(encryptWith, this.#scope), Buffer.from(plaintext)));
  }

  #decryptLocally({ ciphertext, decryptWith, plaintext }: LocalDecryptStep): string | undefined {
    const material = lookUpBytes(decryptWith, this.#scope);
    const bytes = lookUpBytes(ciphertext, this.#scope);
    try {
      return decryptLocally(material, bytes).equals(Buffer.from(plaintext)) ? undefined : 'it holds another plaintext';
    } catch {
      return 'it does not decrypt with the material of the key';
    }
  }

  #explain(error: unknown): string {
    const { message = 'for no reason given' } = Object(error) as { readonly message?: unknown };
    return `it could not be carried out: ${redact(String(message).split('\n')[0] ?? '', this.#secrets)}`;
  }
}

function judge(step: CallStep, outcome: Outcome<object>, context: MatchContext): string | undefined {
  if ('ends' in step) {
    if ('response' in outcome)
      return step.ends.includes(status.OK) ? undefined : 'the call succeeded, and must be refused';
    return codeMismatch(step.ends, outcome) ?? manners(outcome, context);
  }
  if ('refused' in step) {
    if ('response' in outcome) return 'the call succeeded, and must be refused';
    return refusalMismatch(step.refused, outcome, context);
  }
  if ('response' in outcome) return mismatch(step.answers, outcome.response, '', context);
  const { code, message } = outcome;
  return `the call was refused with ${status[code]} ${JSON.stringify(redact(message, context.secrets))}, and must succeed`;
}

function nameOf(step: Step): string {
  if ('call' in step) return step.call;
  if ('act' in step) return step.act;
  return 'wrap' in step ? 'wrapping' : 'a ciphertext of our own';
}

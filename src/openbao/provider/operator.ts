import { KeystoreError } from '../../keystore/errors.ts';
import type { KeystoreCall } from '../../keystore/call.ts';
import { type Answer, answerData, answerErrors, answerRequestId } from '../answer.ts';
import type { OpenBaoVerb } from '../client.ts';
import { isNothingHere, malformedAnswer, toKeystoreError } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { Session } from '../session.ts';
import { delay } from '../waiting.ts';

/** The provider's own identity at work for one call, on time of its own. */
export interface Operator {
  /** The answer, or undefined when there is nothing at the path. */
  read(path: string): Promise<Answer | undefined>;
  /** Names; none when there is nothing at the path. */
  list(path: string): Promise<readonly string[]>;
  write(path: string, body: object): Promise<Answer>;
  /** A question that is put as a write: the answer, a refusal with status 4xx included. */
  ask(path: string, body: object): Promise<Answer>;
  /** A write for what cannot be there twice: a repetition finds that its first try has made it. */
  enable(path: string, body: object): Promise<void>;
  /** What is not there is removed. */
  remove(path: string): Promise<void>;
  /** Resolves when there is nothing at the path any more: OpenBao answers some removals before it has made them. */
  gone(path: string): Promise<void>;
  /** Whether the answers are those of the active node, or may be those of a standby that lags behind it. */
  isAtActiveNode(): Promise<boolean>;
  /** Waits for longer than a standby lags behind, or than a request that is under way takes. */
  settle(): Promise<void>;
}

/** All of its requests are such that they may be repeated; see `Session.send`. */
export function createOperator(
  session: Session,
  clock: Clock,
  call: Pick<KeystoreCall, 'requestId' | 'signal' | 'deadline' | 'trace'>,
): Operator {
  // Behind a load balancer the next request may reach a standby that does not know yet what the last one has made.
  async function sendToNewPlace(verb: OpenBaoVerb, path: string, body?: object): Promise<Answer> {
    for (let waitedMs = 0; ; waitedMs += LAG_PAUSE_MS) {
      const answer = await send(verb, path, body);
      if (!says(answer, NO_PLACE) || waitedMs >= MAX_LAG_MS) return answer;
      await delay(clock, LAG_PAUSE_MS, call.signal);
    }
  }

  async function send(verb: OpenBaoVerb, path: string, body?: object): Promise<Answer> {
    const { deadline, requestId, signal, trace } = call;
    const answer = await session.send({
      purpose: 'active',
      verb,
      path,
      context: { policyPath: path, capability: CAPABILITIES[verb] },
      deadline,
      signal,
      trace,
      ...(body === undefined ? {} : { body }),
      ...(requestId === undefined ? {} : { requestId }),
    });
    const id = answerRequestId(answer);
    if (id !== undefined && trace.openbaoRequestIds.length < MAX_REQUEST_IDS) trace.openbaoRequestIds.push(id);
    return answer;
  }

  async function read(path: string): Promise<Answer | undefined> {
    const answer = await sendToNewPlace('read', path);
    if (answer.status === 200) return answer;
    if (isNothingHere(answer) || says(answer, NO_MOUNT)) return undefined;
    throw refusal(answer);
  }

  return {
    read,
    async gone(path) {
      while ((await read(path)) !== undefined) await delay(clock, LAG_PAUSE_MS, call.signal);
    },
    async list(path) {
      const answer = await send('list', path);
      if (isNothingHere(answer) || says(answer, NO_PLACE)) return [];
      const keys = answer.status === 200 ? answerData(answer)?.keys : undefined;
      if (answer.status !== 200) throw refusal(answer);
      if (!Array.isArray(keys)) throw malformedAnswer();
      return keys.filter((key): key is string => typeof key === 'string');
    },
    async write(path, body) {
      const answer = await sendToNewPlace('write', path, body);
      if (answer.status >= 300) throw refusal(answer);
      return answer;
    },
    ask: (path, body) => send('write', path, body),
    async enable(path, body) {
      const answer = await sendToNewPlace('write', path, body);
      if (answer.status >= 300 && !says(answer, IN_USE)) throw refusal(answer);
    },
    async remove(path) {
      const answer = await send('delete', path);
      if (answer.status >= 300 && !isNothingHere(answer) && !says(answer, NO_PLACE)) throw refusal(answer);
    },
    isAtActiveNode: async () => (await (await session.cluster()).findActive(call.signal)) !== undefined,
    settle: () => delay(clock, SETTLE_MS, call.signal),
  };
}

/** How long a standby may lag behind the active node, and how often it is asked meanwhile, in milliseconds. */
const MAX_LAG_MS = 2000;
const LAG_PAUSE_MS = 100;
const SETTLE_MS = 500;

// Of a dozen requests each one is worth noting; of thousands, as for a look at every token, the first will do.
const MAX_REQUEST_IDS = 32;

const CAPABILITIES: Readonly<Record<OpenBaoVerb, string>> = {
  read: 'read',
  list: 'list',
  write: 'update',
  delete: 'delete',
};

const NO_MOUNT = /^No secret engine mount at/;
const NO_PLACE = /no handler for route|namespace not found/;
const IN_USE = /^path is already in use at/;

function says(answer: Answer, text: RegExp): boolean {
  return answer.status >= 400 && (answerErrors(answer)?.some((error) => text.test(error)) ?? false);
}

// What the provider sends is its own, so a refusal is no fault of the call.
function refusal(answer: Answer): KeystoreError {
  const error = toKeystoreError(answer);
  if (error.class !== 'invalid-request') return error;
  return new KeystoreError('server-error', 'OpenBao refused a request of the provider', error.details);
}

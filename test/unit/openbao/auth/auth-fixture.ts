import type { SourceRef } from '../../../../src/config/source-ref.ts';
import { SourceRefError } from '../../../../src/config/source-ref.ts';
import { type Answer, toAnswer } from '../../../../src/openbao/answer.ts';
import type { AskServer, LoginMethod } from '../../../../src/openbao/auth/login-method.ts';
import type { ReadValue } from '../../../../src/openbao/auth/read-value.ts';

/** Files that a test writes, by path; one without a text cannot be read. */
export interface Files {
  readonly read: ReadValue;
  write(path: string, text: string | undefined): void;
  /** What was read, in order: `secret /path` or `public /path`. */
  readonly reads: readonly string[];
}

export const file = (path: string): SourceRef => ({ source: 'file', file: { path } });

export function createFiles(initial: Readonly<Record<string, string>> = {}): Files {
  const texts = new Map<string, string | undefined>(Object.entries(initial));
  const reads: string[] = [];
  return {
    reads,
    write: (path, text) => void texts.set(path, text),
    read: (ref, kind = 'public') => {
      const path = ref.source === 'file' ? ref.file.path : '';
      reads.push(`${kind} ${path}`);
      const text = texts.get(path);
      return text === undefined
        ? Promise.reject(new SourceRefError('unreadable', `file ${path} cannot be read (ENOENT)`))
        : Promise.resolve({ reveal: () => text });
    },
  };
}

/** For methods that need to ask nothing. */
export const askNothing: AskServer = () => Promise.reject(new Error('there is nothing to ask'));

/** An answer in OpenBao's error shape. */
export function refusal(status: number, ...texts: string[]): Answer {
  return toAnswer(status, JSON.stringify({ errors: texts }), undefined);
}

/** An answer in OpenBao's shape of a success. */
export function success(body: Readonly<Record<string, unknown>>): Answer {
  return toAnswer(200, JSON.stringify(body), undefined);
}

/** Answers that no method may take for a refusal. */
export const NO_REFUSALS: readonly (readonly [string, Answer])[] = [
  ['a page that denies', toAnswer(403, '<html>permission denied</html>', undefined)],
  ['JSON of something else', toAnswer(403, '{"message":"permission denied"}', undefined)],
  ['an empty 403', toAnswer(403, '', undefined)],
  ['an empty 400', toAnswer(400, '', undefined)],
  ['a seal', refusal(503, 'Vault is sealed')],
  ['a quota', refusal(429, 'request path "auth/x/login": rate limit quota exceeded')],
  ['no namespace', refusal(404, 'namespace not found')],
  ['a failure of storage', refusal(500, 'internal error')],
  ['a text that nobody knows', refusal(400, 'role is out of season')],
];

/** The class of the verdict on an answer, and undefined where there is none. */
export function classOf(method: LoginMethod, answer: Answer): string | undefined {
  return method.judge(answer)?.class;
}

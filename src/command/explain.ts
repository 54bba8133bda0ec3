import { status } from '@grpc/grpc-js';
import { z } from 'zod';

import { ERROR_TABLE, type ErrorRow } from '../rpc/error-table.ts';
import { CommandError } from './command-error.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { definitions, type Layout } from './layout.ts';
import { similarTo } from './similar.ts';

const answer = z
  .strictObject({ code: z.string(), message: z.string().optional().describe('Absent: a text of its own.') })
  .describe('Status of a call.');

const explanation = z.strictObject({
  class: z.string(),
  reason: z.string().describe('ErrorInfo.reason of the answer.'),
  cause: z.string(),
  effect: z.string().describe('What CMK makes of it.'),
  remedy: z.string(),
  retry: z.enum(['never', 'after-change', 'later', 'now']).describe('When the same call may succeed.'),
  answers: z.strictObject({ crypto: answer, operations: answer, reads: answer.describe('GetKey, GetKeyVersions.') }),
});

type Explanation = z.output<typeof explanation>;

const EFFECTS: Readonly<Record<ErrorRow['cmkState'], string>> = {
  FORBIDDEN: 'At its next look CMK shows the key as FORBIDDEN: it takes it that the plugin may not see the key.',
  DELETED: 'At its next look CMK shows the key as DELETED.',
  UNKNOWN: 'At its next look CMK shows the key as UNKNOWN, until a later look succeeds.',
  '-': 'CMK’s looks at keys do not meet it; only the call fails.',
};

const RETRIES: Readonly<Record<ErrorRow['retry'], string>> = {
  never: 'The same call will fail again.',
  'after-change': 'The same call succeeds only after something was changed.',
  later: 'The same call may succeed later.',
  now: 'The same call may succeed at once.',
};

export const command = defineCommand({
  result: z.strictObject({ classes: z.array(explanation) }),
  text({ classes }, layout) {
    const [only] = classes;
    if (classes.length === 1 && only !== undefined) return one(only, layout);
    return definitions(
      classes.map((each) => [each.class, each.cause]),
      layout,
      { indent: 0 },
    );
  },
  run(input, { print }) {
    const wanted = input.argument('CLASS');
    print({ classes: Object.entries(ERROR_TABLE).filter(isWanted(wanted)).map(explain) });
    return Promise.resolve(EXIT.ok);
  },
});

/** Names of classes and of reasons, in any case. @throws CommandError when it is no such name */
function isWanted(wanted: string | undefined): (entry: readonly [string, ErrorRow]) => boolean {
  if (wanted === undefined) return () => true;
  const rows = Object.entries(ERROR_TABLE);
  const matches = ([name, { reason }]: readonly [string, ErrorRow]): boolean =>
    name === wanted.toLowerCase() || reason === wanted.toUpperCase();
  if (rows.some(matches)) return matches;
  const similar = similarTo(wanted.toLowerCase().replaceAll('_', '-'), Object.keys(ERROR_TABLE));
  const hint = similar.length > 0 ? `did you mean ${similar.join(' or ')}?` : 'explain without a class lists them all';
  throw new CommandError(EXIT.usage, `there is no error class ${JSON.stringify(wanted)}`, hint);
}

function explain([name, row]: readonly [string, ErrorRow]): Explanation {
  const { cause, cmkState, crypto, operations = crypto, read = operations, reason, remedy, retry } = row;
  return {
    class: name,
    reason,
    cause,
    effect: EFFECTS[cmkState],
    remedy,
    retry,
    answers: { crypto: answerOf(crypto), operations: answerOf(operations), reads: answerOf(read) },
  };
}

function answerOf({ code, message }: ErrorRow['crypto']): z.output<typeof answer> {
  return { code: status[code], ...(message !== undefined && { message }) };
}

function one(found: Explanation, layout: Layout): string {
  const { crypto, operations, reads } = found.answers;
  const rows: [string, string][] = [
    ['cause', found.cause],
    ['effect', `${found.effect} ${RETRIES[found.retry]}`],
    ['remedy', found.remedy],
    ['reason', found.reason],
    ['crypto', show(crypto)],
    ['operations', show(operations)],
    ['GetKey', show(reads)],
  ];
  return `${layout.paint('bold', found.class)}\n${definitions(rows, layout, { style: 'dim' })}`;
}

function show({ code, message }: z.output<typeof answer>): string {
  return message === undefined ? `${code} with a text of its own` : `${code} “${message}”`;
}

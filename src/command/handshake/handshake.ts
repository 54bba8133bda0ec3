import { resolve } from 'node:path';

import { z } from 'zod';

import { PluginHostError } from '../../../plugin-host/errors.ts';
import { PLUGIN_TYPES, type PluginType } from '../../../keystore-contract/plugin-types.ts';
import { CommandError } from '../command-error.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { requireConfiguration } from '../configuration-file.ts';
import { EXIT } from '../exit-codes.ts';
import { indented, type Layout, wrap } from '../layout.ts';
import { CHECKS, type CheckId } from './checks.ts';
import { examine } from './examine.ts';
import { Protocol } from './protocol.ts';
import { startSubject, type Subject } from './subject.ts';

const ID_WIDTH = Math.max(...Object.keys(CHECKS).map((id) => id.length));
const MAX_SHOWN_LINES = 10;

const check = z.strictObject({
  id: z.enum(Object.keys(CHECKS) as [CheckId, ...CheckId[]]),
  what: z.string().describe('What is checked.'),
  status: z.enum(['passed', 'failed', 'skipped']),
  saw: z.array(z.string()).describe('What was seen; of a failure the reason first.'),
  fix: z.string().optional().describe('What to do; of a failure only.'),
});

const result = z.strictObject({
  executable: z.string(),
  type: z.enum(Object.keys(PLUGIN_TYPES)),
  configured: z.boolean().describe('Whether it was given a configuration.'),
  passed: z.boolean(),
  checks: z.array(check),
  log: z.array(z.string()).describe('The last lines of the plugin’s stderr.'),
});

type Result = z.output<typeof result>;

export const command = defineCommand({
  result,
  text(found, layout) {
    const { checks, configured, executable, passed, type } = found;
    const failures = checks.filter(({ status }) => status === 'failed');
    const verdict = passed
      ? layout.paint('green', `The plugin works${configured ? ', and takes the configuration' : ''}.`)
      : layout.paint('red', `The plugin does not work: ${failures.map(({ id }) => id).join(', ')}.`);
    const shown = passed ? [] : found.log.slice(-MAX_SHOWN_LINES);
    return [
      `${layout.paint('bold', executable)}\n  as ${type}\n\n`,
      ...checks.map((each) => rowOf(each, layout)),
      shown.length === 0 ? '' : `\nIts log:\n${shown.map((line) => indented(line, 2, layout.columns)).join('')}`,
      `\n${verdict}\n`,
    ].join('');
  },
  async run(input, context) {
    const file = input.option('config');
    const read = file === undefined ? undefined : await requireConfiguration(file, input.option('type'));
    const type = (read?.type ?? input.option('type') ?? 'KeystoreInstanceKeyOperation') as PluginType;
    const other = input.argument('EXECUTABLE');
    const program = other === undefined ? context.program : ([resolve(other)] as const);
    const found = await test({ program, type, configuration: read?.text }, context);
    context.print(found);
    return found.passed ? EXIT.ok : EXIT.handshake;
  },
});

async function test(
  plan: {
    readonly program: CommandContext<Result>['program'];
    readonly type: PluginType;
    readonly configuration: string | undefined;
  },
  context: CommandContext<Result>,
): Promise<Result> {
  const protocol = new Protocol();
  const { configuration, program, type } = plan;
  let log: readonly string[] = [];
  const subject = await start(plan, protocol, context);
  if (subject !== undefined) {
    await using running = subject;
    protocol.passed('start', `process ${running.process.pid}`);
    await examine({ subject: running, protocol, type, configuration, signal: context.signal });
    log = running.stderr().lines;
  }
  const checks = protocol.outcomes.map(({ id, saw, status }) => ({
    id,
    what: CHECKS[id].what,
    status,
    saw: [...saw],
    ...(status === 'failed' && { fix: CHECKS[id].fix }),
  }));
  return {
    executable: program.at(-1) ?? program[0],
    type,
    configured: configuration !== undefined,
    passed: checks.every(({ id, status }) => status === 'passed' || (id === 'configure' && status === 'skipped')),
    checks,
    log: [...log],
  };
}

/** Undefined when the system does not start it. @throws CommandError when there is no place for its files */
async function start(
  plan: { readonly program: CommandContext<Result>['program']; readonly type: PluginType },
  protocol: Protocol,
  { on, temporaryDirectory }: CommandContext<Result>,
): Promise<Subject | undefined> {
  try {
    return await startSubject({ ...plan, temporaryDirectory, on });
  } catch (error) {
    if (error instanceof PluginHostError) {
      protocol.failed('start', error.message);
      return undefined;
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== 'mkdtemp') throw error;
    throw new CommandError(
      EXIT.unexpected,
      `${temporaryDirectory} takes no directory for the plugin’s files (${code ?? 'unknown reason'})`,
      'name another one in TMPDIR',
    );
  }
}

const MARKS = { passed: '✓', failed: '✗', skipped: '-' } as const;
const STYLES = { passed: 'green', failed: 'red', skipped: 'dim' } as const;

function rowOf({ fix, id, saw, status, what }: Result['checks'][number], { columns, paint }: Layout): string {
  const indent = ID_WIDTH + 6;
  const facts = status === 'passed' || status === 'skipped' ? [what, ...saw] : [what, ...saw, `fix: ${fix ?? ''}`];
  const lines = facts.flatMap((fact) => wrap(fact, columns - indent));
  const [first = '', ...rest] = lines;
  const head = `  ${paint(STYLES[status], MARKS[status])} ${id.padEnd(ID_WIDTH)}  ${first}\n`;
  return head + rest.map((line) => `${' '.repeat(indent)}${line}\n`).join('');
}

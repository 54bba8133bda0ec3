import { status } from '@grpc/grpc-js';

import { PluginCallError } from '../errors.ts';
import { withinTime } from '../wait.ts';
import { listedPlugin } from '../list/plugin-list.ts';
import { callsByPath } from './calls-by-path.ts';
import { CommandError, EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { readJsonArgument } from './input.ts';
import { findMethod, KEYSTORE_METHODS, type KeystoreMethod, readMessage } from './methods.ts';
import { toPlain } from './plain.ts';
import type { Session } from './session.ts';
import { type ListSelection, startListed } from './started.ts';

export interface CallCommandOptions extends ListSelection {
  readonly method: string;
  /** The request as JSON, or `-` for standard input. */
  readonly request: string;
  readonly plugin?: string | undefined;
  readonly timeoutMs: number;
}

/** Makes one call and prints the answer, or the status that the plugin refused it with, as JSON. */
export async function call(options: CallCommandOptions, session: Session): Promise<ExitCode> {
  const method = knownMethod(options.method);
  const request = readMessage(method.request, await readJsonArgument(options.request, session.signal));
  if ('problem' in request) {
    throw new CommandError(EXIT_CODES.usage, `the request of ${method.name}: ${request.problem}`);
  }
  const { host, entries } = await startListed(
    options,
    session,
    ({ contract, name }) => contract === method.contract && (options.plugin ?? name) === name,
  );
  await using _ = host;
  const [entry, ...others] = entries;
  if (!entry || others.length > 0) {
    const names = entries.map(({ name }) => name).join(', ');
    throw new CommandError(EXIT_CODES.usage, `${method.name} can be answered by ${names}: choose with --plugin`);
  }
  const { signal } = session;
  const handle = listedPlugin(host, entry.contract, entry.name);
  const late = (): Error => {
    const seconds = options.timeoutMs / 1000;
    return new CommandError(
      EXIT_CODES.refused,
      `${entry.name} was not ready within ${seconds} s; it is ${handle.state.name}`,
    );
  };
  await withinTime(options.timeoutMs, late, signal, (whileWanted) => handle.ready({ signal: whileWanted }));
  try {
    const invoke = callsByPath(entry.contract, handle.client).get(method.path);
    const answer = (await invoke?.(request.value, { signal, timeoutMs: options.timeoutMs })) ?? {};
    session.print(`${JSON.stringify(method.response.toJSON(answer), undefined, 2)}\n`);
    return EXIT_CODES.ok;
  } catch (error) {
    if (!(error instanceof PluginCallError)) throw error;
    const { code, errorInfo, message, retryDelayMs } = error;
    const refusal = {
      code: status[code],
      message,
      ...(errorInfo && { errorInfo }),
      ...(retryDelayMs && { retryDelayMs }),
    };
    session.print(`${JSON.stringify(toPlain({ error: refusal }), undefined, 2)}\n`);
    return EXIT_CODES.refused;
  }
}

function knownMethod(text: string): KeystoreMethod {
  const method = findMethod(text);
  if (method) return method;
  const names = KEYSTORE_METHODS.map(({ name }) => name).join(', ');
  throw new CommandError(EXIT_CODES.usage, `there is no method ${JSON.stringify(text)}; there are ${names}`);
}

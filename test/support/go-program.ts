import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A running program of test/go, driven by one JSON command a line; commands may overlap. */
export interface GoProgram extends AsyncDisposable {
  /** Carries out one command. Rejects with the program's own error, or when the program has ended. */
  send<Result>(command: string, argumentsOf?: object): Promise<Result>;
  /** Ends the program at once; a plugin it runs gets no warning. Resolves when it is gone. */
  sigkill(): Promise<void>;
  /** Lets the program stop its plugins and end. Rejects unless its exit code is 0. */
  close(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

// go-plugin may wait 2 s before it kills; a program that does not end in this time hangs.
const CLOSE_TIMEOUT_MS = 30_000;

/** Starts a program with exactly the given environment. */
export function startGoProgram(file: string, args: readonly string[], env: Record<string, string>): GoProgram {
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let talk = '';
  let closing: Promise<void> | undefined;

  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => {
      resolve(error.message);
    });
    child.on('close', (code, signal) => {
      resolve(signal ?? `exit code ${String(code)}`);
    });
  });
  void ended.then((how) => {
    closing ??= Promise.reject(new Error(`${file} ended (${how}): ${talk.slice(-2000)}`));
    closing.catch(() => undefined); // told by close() and send()
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended (${how}): ${talk.slice(-2000)}`));
    waiting.clear();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    talk += text;
  });
  child.stdin.on('error', () => undefined); // the end of the child is reported by 'close'
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, result, error } = JSON.parse(line) as Answer;
    const caller = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) caller?.resolve(result);
    else caller?.reject(new Error(error));
  });

  const program: GoProgram = {
    send<Result>(command: string, argumentsOf: object = {}): Promise<Result> {
      if (closing !== undefined) return Promise.reject(new Error(`${file} has ended or is closing`));
      const id = ++lastId;
      return new Promise<Result>((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
        child.stdin.write(`${JSON.stringify({ id, do: command, with: argumentsOf })}\n`);
      });
    },
    async sigkill() {
      closing = ended.then(() => undefined);
      child.kill('SIGKILL');
      await closing;
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => program.close(),
  };

  async function close(): Promise<void> {
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    const how = await ended;
    clearTimeout(timer);
    if (how !== 'exit code 0') throw new Error(`${file} ended with ${how}: ${talk.slice(-2000)}`);
  }
  return program;
}

import { status } from '@grpc/grpc-js';

import { PROFILES, type Profile } from '../../keystore-contract/conformance/case.ts';
import { type CaseResult, runConformance } from '../../keystore-contract/conformance/runner.ts';
import { keystoreContract } from '../../keystore-contract/host-contract.ts';
import type { PluginClient } from '../contract.ts';
import { PluginCallError } from '../errors.ts';
import { startPluginHost } from '../plugin-host.ts';
import { sha256OfFile } from '../sha256.ts';
import { hostSubject } from './conformance-subject.ts';
import { CommandError, EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { readTextFile, unreadable } from './input.ts';
import type { Session } from './session.ts';
import { directoryAndFile } from './started.ts';
import { readStage } from './verify-stage.ts';

export interface VerifyOptions {
  readonly executable: string;
  /** The YAML text that the plugin is configured with, as a file. */
  readonly config?: string | undefined;
  readonly key: string;
  readonly stage?: string | undefined;
  /** What the plugin claims. None: HYOK, and DATA if it serves the crypto operations. */
  readonly profiles: readonly string[];
  readonly output: 'text' | 'json';
  /** Tells of passed and skipped cases as well. */
  readonly verbose: boolean;
  readonly timeoutMs: number;
}

const MARKS: Readonly<Record<CaseResult['outcome'], string>> = {
  passed: 'ok     ',
  failed: 'FAILED ',
  skipped: 'skipped',
};

/**
 * Runs the conformance cases of the keystore contract against an executable. Exit code `ok` when each that applies holds,
 * `checkFailed` when one does not or none applies.
 */
export async function verify(options: VerifyOptions, session: Session): Promise<ExitCode> {
  const stage = await readStage(options.stage, options.key);
  const claimed = options.profiles.map(knownProfile);
  const configuration = options.config === undefined ? '' : await readTextFile(options.config);
  const { directory, file } = directoryAndFile(options.executable);
  const sha256 = await sha256OfFile(options.executable).catch((error: unknown) => {
    throw unreadable(options.executable, error);
  });
  await using host = await startPluginHost({
    directory,
    plugins: {
      subject: {
        contract: keystoreContract,
        file,
        sha256,
        configuration,
        callTimeoutMs: options.timeoutMs,
        restart: { maxRestarts: 0 },
      },
    },
    logger: session.logger,
    signal: session.signal,
  });
  const plugin = host.plugin('subject');
  await plugin.ready({ signal: session.signal });
  const profiles = claimed.length > 0 ? claimed : await served(plugin.client);

  const results = await runConformance({
    subject: hostSubject(plugin.client),
    stage,
    profiles,
    onResult: (result) => {
      session.signal.throwIfAborted();
      if (options.output === 'text') session.print(line(result, options.verbose));
    },
  });
  const count = (outcome: CaseResult['outcome']): number => results.filter((one) => one.outcome === outcome).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  if (options.output === 'json') session.print(`${JSON.stringify({ profiles, passed, failed, skipped, results })}\n`);
  else {
    session.print(
      `${profiles.join(', ')}: ${passed + failed} cases checked, ${passed} passed, ${failed} failed, ${skipped} skipped\n`,
    );
  }
  return failed === 0 && passed > 0 ? EXIT_CODES.ok : EXIT_CODES.checkFailed;
}

function line({ id, outcome, title, why }: CaseResult, verbose: boolean): string {
  if (outcome === 'skipped' && !verbose) return '';
  return `${MARKS[outcome]} ${id} ${title}${why === undefined ? '' : `: ${why}`}\n`;
}

function knownProfile(text: string): Profile {
  const profile = PROFILES.find((one) => one === text.toUpperCase());
  if (profile) return profile;
  throw new CommandError(
    EXIT_CODES.usage,
    `there is no profile ${JSON.stringify(text)}; there are ${PROFILES.join(', ')}`,
  );
}

async function served({ crypto }: PluginClient<typeof keystoreContract>): Promise<Profile[]> {
  const answer = crypto.encrypt({ parameters: undefined, plaintext: Buffer.alloc(0) });
  const code = await answer.then(
    () => status.OK,
    (error: unknown) => (error instanceof PluginCallError ? error.code : status.UNKNOWN),
  );
  return code === status.UNIMPLEMENTED ? ['HYOK'] : ['HYOK', 'DATA'];
}

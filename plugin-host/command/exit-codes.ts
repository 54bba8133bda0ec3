import { PluginCallError, PluginHostError, type PluginHostErrorCode } from '../errors.ts';

/** What the command's exit code says; the plugin's own command uses the same. */
export const EXIT_CODES = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  /** The list, the plugin's configuration or its file is wrong. */
  configuration: 3,
  /** Something that was looked at is not as it must be. */
  checkFailed: 4,
  /** The plugin, or the keystore behind it, said no or could not be reached. */
  refused: 5,
  /** The executable does not start, or is no plugin. */
  handshake: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** Ends the command with a text for its user. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

const CONFIGURATION = new Set<PluginHostErrorCode>([
  ...(['ERR_OPTIONS', 'ERR_PLUGIN_DIRECTORY', 'ERR_EXECUTABLE_NOT_FOUND', 'ERR_EXECUTABLE_OUTSIDE'] as const),
  ...(['ERR_EXECUTABLE_UNSAFE', 'ERR_CHECKSUM', 'ERR_SOCKET_DIRECTORY', 'ERR_CONFIGURE'] as const),
]);
const REFUSED = new Set<PluginHostErrorCode>(['ERR_NOT_READY', 'ERR_PLUGIN_EXITED', 'ERR_CLOSED']);

/** The exit code for an error of any kind. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof PluginCallError) return EXIT_CODES.refused;
  if (!(error instanceof PluginHostError)) return EXIT_CODES.unexpected;
  // Why there is no plugin says more than that there is none.
  if (error.cause instanceof PluginHostError) return exitCodeOf(error.cause);
  if (CONFIGURATION.has(error.code)) return EXIT_CODES.configuration;
  return REFUSED.has(error.code) && error.details.step === undefined ? EXIT_CODES.refused : EXIT_CODES.handshake;
}

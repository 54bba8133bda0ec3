import type { TestResult } from './test-results.ts';

/** A row of go-plugin's conformance list for plugins. */
interface ProtocolRow {
  readonly behaviour: string;
  /** Why no test shows it. */
  readonly notApplicable?: string;
}

const NO_BROKER_DIAL = 'the plugin never dials the broker and offers no brokered service';

/** What go-plugin's hosts rely on, row by row. */
export const PROTOCOL_ROWS: Readonly<Record<string, ProtocolRow>> = {
  P1: { behaviour: 'without the cookie: nothing on stdout, a short text on stderr, exit code 1' },
  P2: { behaviour: 'a cookie with a wrong value counts as none' },
  P3: { behaviour: 'the first line of stdout is the handshake, nothing before it, one line feed' },
  P4: { behaviour: 'six fields when `PLUGIN_MULTIPLEX_GRPC` is unset or empty' },
  P5: { behaviour: 'a seventh field `false` when it is set' },
  P6: { behaviour: 'a host that multiplexes is told that this is not supported' },
  P7: { behaviour: 'field 2 is the highest common version; the lowest own one if there is none' },
  P8: { behaviour: 'without `PLUGIN_CLIENT_CERT`: refused with a clear message, since mTLS is not optional here' },
  P9: { behaviour: 'field 6 is raw standard base64 of one certificate' },
  P10: { behaviour: 'certificates of every length modulo 3 work' },
  P11: { behaviour: 'field 6 is the certificate presented in TLS' },
  P12: { behaviour: 'the certificate: SAN `localhost`, valid now, usages, positive serial, times after 2049' },
  P13: { behaviour: 'the socket accepts when the line appears' },
  P14: { behaviour: 'the socket lies in `PLUGIN_UNIX_SOCKET_DIR`, else in the temporary directory' },
  P15: { behaviour: 'with `PLUGIN_UNIX_SOCKET_GROUP`: group and mode 0660' },
  P16: { behaviour: 'a socket path that is too long: a clear error and no handshake' },
  P17: { behaviour: 'ports: the plugin serves unix sockets only, whatever they say; an empty range is an error' },
  P18: { behaviour: 'a TLS client without a certificate is refused' },
  P19: { behaviour: 'a TLS client with another certificate is refused' },
  P20: { behaviour: 'ALPN `h2`, TLS 1.2 or later' },
  P21: { behaviour: 'loads in a Go host with AutoMTLS; calls work' },
  P22: { behaviour: 'a Go host without AutoMTLS: refused with a clear message, since mTLS is not optional here' },
  P23: { behaviour: 'health: `plugin` and the empty name SERVING, another NOT_FOUND' },
  P24: { behaviour: 'health answers in time under load' },
  P25: { behaviour: 'the stdio stream stays open and silent' },
  P26: { behaviour: 'the broker stream stays open for the whole life; announcements are read' },
  P27: { behaviour: 'a brokered dial with mTLS', notApplicable: NO_BROKER_DIAL },
  P28: { behaviour: 'brokered serving with mTLS', notApplicable: NO_BROKER_DIAL },
  P29: { behaviour: 'a brokered plain dial', notApplicable: NO_BROKER_DIAL },
  P30: { behaviour: 'an unknown broker id', notApplicable: NO_BROKER_DIAL },
  P31: { behaviour: '`Shutdown` answered, exit code 0, process gone in under a second, socket removed' },
  P32: { behaviour: 'the same while a call and both streams are open' },
  P33: { behaviour: '`Kill` is not held up by helpers: the plugin can start none' },
  P34: { behaviour: 'SIGINT ignored, SIGTERM ends it orderly' },
  P35: { behaviour: 'a host killed by SIGKILL: the plugin ends by itself' },
  P36: { behaviour: 'stderr closed: no crash, no busy loop' },
  P37: { behaviour: 'every line of stderr is a JSON object with the three `@` keys as text' },
  P38: { behaviour: 'the host shows the right level for each of the five' },
  P39: { behaviour: 'line breaks, long texts, odd values and names in log calls: one line each' },
  P40: { behaviour: 'uncaught exception, unhandled rejection: one error line, exit code other than 0' },
  P41: { behaviour: '`console.log` of a library never reaches stdout' },
  P42: { behaviour: 'works without the host’s environment' },
  P43: { behaviour: 'works with proxy variables that point nowhere' },
  P44: { behaviour: 'the connection survives idling; streams stay open' },
  P45: { behaviour: 'requests and answers above 4 MiB are accepted' },
  P46: { behaviour: '`Init` names the services exactly; `Deinit` is harmless twice' },
  P47: { behaviour: '`Configure` with empty text; concurrent `Configure` and calls' },
  P48: { behaviour: '20 parallel starts do not collide' },
  P49: { behaviour: 'start to handshake far below a minute' },
  P50: { behaviour: 'the SHA-256 of the one file satisfies the host' },
};

/** Rows that apply and have no passing test. */
export function uncoveredRows(tests: readonly TestResult[], options: { readonly requireAll: boolean }): string[] {
  const counts = options.requireAll ? (test: TestResult) => test.status === 'passed' : () => true;
  return Object.entries(PROTOCOL_ROWS)
    .filter(([row, { notApplicable }]) => notApplicable === undefined && !testsOf(row, tests).some(counts))
    .map(([row]) => row);
}

/** The table of the rows and the first test of each file that names them. */
export function renderProtocolCoverage(tests: readonly TestResult[]): string {
  const rows = Object.entries(PROTOCOL_ROWS).map(([row, { behaviour, notApplicable }]) => {
    const firstOfFile = new Map<string, string>();
    for (const { file, title } of testsOf(row, tests)) if (!firstOfFile.has(file)) firstOfFile.set(file, title);
    const shownBy = [...firstOfFile]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([file, title]) => `\`${file}\`: ${title.replaceAll('|', '\\|')}`);
    return `| ${row} | ${behaviour} | ${notApplicable === undefined ? shownBy.join('<br>') : `does not apply: ${notApplicable}`} |`;
  });
  return [
    '# go-plugin’s conformance rows and the tests that show them',
    '',
    'Generated by `npm run check:spec -- --write` from the last full test run. One test is named per file; others may carry the',
    'row too.',
    '',
    '| row | behaviour | tests |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function testsOf(row: string, tests: readonly TestResult[]): TestResult[] {
  const name = new RegExp(`\\b${row}\\b`);
  return tests.filter(({ title }) => name.test(title));
}

import type { TestResult } from './test-results.ts';

/** A row of a conformance list. */
interface ProtocolRow {
  readonly behaviour: string;
  /** Why no test shows it. */
  readonly notApplicable?: string;
}

const NO_BROKER_DIAL = 'the plugin never dials the broker and offers no brokered service';

/** What go-plugin's hosts rely on. */
const PLUGIN_ROWS: Readonly<Record<string, ProtocolRow>> = {
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

/** What go-plugin's plugins rely on. */
const HOST_ROWS: Readonly<Record<string, ProtocolRow>> = {
  H1: { behaviour: 'sets the variables of the protocol, PEM with line feeds; no inherited `PLUGIN_*`' },
  H2: { behaviour: 'the order of environments: passed, set, go-plugin’s own' },
  H3: { behaviour: 'the start timeout; a line without its end does not count' },
  H4: { behaviour: 'each wrong handshake line has its own error and ends the process' },
  H5: { behaviour: 'four fields mean netrpc, which is refused; five are accepted' },
  H6: { behaviour: 'six, seven and more fields, and CRLF, are accepted' },
  H7: { behaviour: 'field 6 in raw base64; padding is refused, as go-plugin refuses it' },
  H8: { behaviour: 'a certificate without TLS', notApplicable: 'the host never goes without TLS' },
  H9: { behaviour: 'no certificate although mTLS was asked for: an error at once' },
  H10: { behaviour: 'a Go plugin: mTLS on a unix socket, calls work' },
  H11: { behaviour: 'a plugin on TCP: server name `localhost`, proxy variables ignored' },
  H12: { behaviour: 'a plugin that presents another certificate than it announced is refused' },
  H13: { behaviour: 'the host’s certificate is good for Go as a client and as a brokered server' },
  H14: { behaviour: 'stdout is drained for ever, lines of any length' },
  H15: {
    behaviour: 'stderr is drained for ever; log lines keep their level, and none of any form makes the host fail',
  },
  H16: { behaviour: 'timestamps of any number of digits keep their level' },
  H17: { behaviour: 'lines over 64 KiB, and the lines after them' },
  H18: { behaviour: 'the text of a panic becomes an error' },
  H19: { behaviour: 'the stdio stream is opened at once, once, and drained' },
  H20: { behaviour: 'the broker stream is opened once; a plugin without one is tolerated' },
  H21: { behaviour: 'brokered serving with mTLS: the plugin dials what was announced' },
  H22: { behaviour: 'brokered dialling: after the announcement, else an error after 5 s' },
  H23: { behaviour: 'health is asked for as service `plugin`' },
  H24: { behaviour: 'an error of `Shutdown` is a success; 2 s for the process to end, then SIGKILL' },
  H25: { behaviour: '`Shutdown` has a deadline' },
  H26: { behaviour: 'closing ends although a grandchild holds the pipes' },
  H27: { behaviour: 'closing twice, and during the start, is harmless' },
  H28: { behaviour: 'the end of the process rejects its calls and is told with code and signal' },
  H29: { behaviour: 'Ctrl-C of a terminal leaves plugins alive until the host closes them' },
  H30: { behaviour: 'a host that ends in any way leaves no plugin' },
  H31: { behaviour: 'an executable with another checksum is not started' },
  H32: { behaviour: 'versions: all are announced, field 2 chooses' },
  H33: { behaviour: 'plugin-sdk: `Init`, `Configure`, `Deinit`, in order and with deadlines' },
  H34: { behaviour: '`Init` without the expected service: an error, and the process ended' },
  H35: { behaviour: 'requests above 4 MiB: what the plugin answers is passed on' },
  H36: { behaviour: 'no keepalive pings' },
  H37: { behaviour: 'nothing is left after 100 rounds' },
};

/** What the Go catalog's callers rely on, of a host. */
const LIBRARY_ROWS: Readonly<Record<string, ProtocolRow>> = {
  L1: { behaviour: 'load, `Init`, `Configure`, call, `Deinit`, close; exit code 0' },
  L2: { behaviour: 'statuses with ErrorInfo of a Go plugin reach the caller' },
  L3: {
    behaviour:
      'no Config service, and `Init` unimplemented, are tolerated as the catalog does; a `Configure` that fails is told and ends the process',
  },
  L4: { behaviour: 'names of unknown services: a warning only' },
  L5: { behaviour: 'all log levels, panics, 1 MiB on stdout and stderr' },
  L6: { behaviour: 'a plugin that exits during a call, or ignores `Shutdown`' },
  L7: { behaviour: 'checksum, type and version: accepted and refused as by the catalog' },
  L8: { behaviour: '100 load and close rounds leave no process, socket or descriptor' },
};

const LISTS: readonly (readonly [title: string, rows: Readonly<Record<string, ProtocolRow>>])[] = [
  ['The plugin, as go-plugin’s hosts rely on it', PLUGIN_ROWS],
  ['The host, as go-plugin’s plugins rely on it', HOST_ROWS],
  ['The host, as users of the Go catalog rely on it', LIBRARY_ROWS],
];

/** Every row by its name. */
export const PROTOCOL_ROWS: Readonly<Record<string, ProtocolRow>> = { ...PLUGIN_ROWS, ...HOST_ROWS, ...LIBRARY_ROWS };

/** Rows that apply and have no passing test. */
export function uncoveredRows(tests: readonly TestResult[], options: { readonly requireAll: boolean }): string[] {
  const counts = options.requireAll ? (test: TestResult) => test.status === 'passed' : () => true;
  return Object.entries(PROTOCOL_ROWS)
    .filter(([row, { notApplicable }]) => notApplicable === undefined && !testsOf(row, tests).some(counts))
    .map(([row]) => row);
}

/** The tables of the rows, each with the first test of each file that names it. */
export function renderProtocolCoverage(tests: readonly TestResult[]): string {
  const tables = LISTS.flatMap(([title, rows]) => {
    const lines = Object.entries(rows).map(([row, { behaviour, notApplicable }]) => {
      const shownBy = notApplicable === undefined ? testNames(row, tests) : `does not apply: ${notApplicable}`;
      return `| ${row} | ${behaviour} | ${shownBy} |`;
    });
    return ['', `## ${title}`, '', '| row | behaviour | tests |', '|---|---|---|', ...lines];
  });
  return [
    '# go-plugin’s conformance rows and the tests that show them',
    '',
    'Generated by `npm run check:spec -- --write` from the last full test run. One test is named per file; others may carry the',
    'row too.',
    ...tables,
    '',
  ].join('\n');
}

function testNames(row: string, tests: readonly TestResult[]): string {
  const firstOfFile = new Map<string, string>();
  for (const { file, title } of testsOf(row, tests)) if (!firstOfFile.has(file)) firstOfFile.set(file, title);
  return [...firstOfFile]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, title]) => `\`${file}\`: ${title.replaceAll('|', '\\|')}`)
    .join('<br>');
}

function testsOf(row: string, tests: readonly TestResult[]): TestResult[] {
  const name = new RegExp(`\\b${row}\\b`);
  return tests.filter(({ title }) => name.test(title));
}
